"""The small training program as a package."""
import runpy
import os

runpy.run_path(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tiny.py"), run_name="__main__")
