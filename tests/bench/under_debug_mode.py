"""Runs a script under torch's DebugMode with hashes of all outputs: ``under_debug_mode.py SCRIPT ARGUMENTS``."""

import runpy
import sys

from torch.utils._debug_mode import DebugMode

sys.argv = sys.argv[1:]
mode = DebugMode()
with mode, DebugMode.log_tensor_hashes():
    runpy.run_path(sys.argv[0], run_name="__main__")
