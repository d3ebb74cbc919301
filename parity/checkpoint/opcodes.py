"""Operations of pickle programs that come in several kinds: by code, what is different about each."""

from typing import Final

STOP: Final = 0x2E
CONSTANTS: Final[dict[int, bool | None]] = {0x4E: None, 0x88: True, 0x89: False}
BOOLEANS: Final = {"00": False, "01": True}
INTEGERS: Final = {0x4A: (4, True), 0x4B: (1, False), 0x4D: (2, False)}
TEXTS: Final = {0x58: 4, 0x8C: 1, 0x8D: 8}
OLD_TEXTS: Final = {0x54: 4, 0x55: 1}
BYTES: Final = {0x42: 4, 0x43: 1, 0x8E: 8, 0x96: 8}
EMPTY: Final = {0x5D: "list", 0x29: "tuple", 0x7D: "dict", 0x8F: "set"}
COLLECTED: Final = {0x6C: "list", 0x74: "tuple", 0x91: "frozenset"}
ADDRESSES: Final = {0x70: 0, 0x71: 1, 0x72: 4, 0x67: 0, 0x68: 1, 0x6A: 4}
EXTENSION_WIDTHS: Final = {0x82: 1, 0x83: 2, 0x84: 4}
