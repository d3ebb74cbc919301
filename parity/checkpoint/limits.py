"""What reading a stranger's checkpoint may cost at most.

An honest checkpoint stays below: a pickle pays 3 kB for each tensor that it describes, so that the budget suffices for
80 000 of them in one file. Bytes of tensors are not limited, because they are mapped and never held.
"""

from typing import Final

NODE_BYTES: Final = 256 << 20
"""Estimated memory of everything one pickle describes, tensors aside."""

OPCODES: Final = 5_000_000
"""Operations of one pickle, which bounds the time; a tensor takes about 30."""

LINE: Final = 1 << 16
"""Longest line of a textual pickle operation."""

ENTRIES: Final = 200_000
"""Keys of one file, after everything that is shared was written out."""

REPEATED: Final = 5_000
"""Keys of a shared object that is written out again wherever it is referred to; a larger one is a reference."""

DEPTH: Final = 100
"""Levels of nesting."""

DIMENSIONS: Final = 64
"""Dimensions of a tensor."""

PIECES: Final = 1 << 14
"""Pieces of one tensor of a distributed checkpoint."""

CELLS: Final = 1 << 20
"""Cells into which the edges of its pieces divide it."""

EXPANDED: Final = 1 << 24
"""Elements of a tensor that repeats the elements of its storage."""

MEMBERS: Final = 400_000
"""Files in one archive."""

DIRECTORY_BYTES: Final = 64 << 20
"""Bytes of an archive's table of contents."""

INFLATED: Final = 2 << 30
"""Bytes of one compressed member once inflated."""

HELD: Final = 64 << 20
"""Bytes of one object that is held in memory: a pickle inside an archive, an inflated member."""

HEADER_BYTES: Final = 64 << 20
"""Bytes of the header of a safetensors file, or of a JSON file."""

JSON_NODES: Final = 1_500_000
"""Objects, arrays and elements of a JSON text."""

YAML_BYTES: Final = 1 << 18
"""Bytes of a YAML file; its parser needs seconds for more."""

FILES: Final = 20_000
"""Files of one directory."""
