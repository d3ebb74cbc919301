"""A machine for pickle programs that builds inert nodes and calls nothing.

The standard unpickler imports and calls what a file names, and allocates what a file claims. This one has no operation
that could: every name stays a name, every call becomes a record of the call, and every allocation is paid for from a
budget before it is made.
"""

import gc
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from mmap import mmap
from typing import Any, ClassVar, Final

from parity.checkpoint import opcodes
from parity.checkpoint.limits import LINE, NODE_BYTES, OPCODES
from parity.checkpoint.nodes import Dictionary, Global, Node, Persistent, Record, Sequence
from parity.errors import CheckpointMalformedError, CheckpointTooLargeError, CheckpointUnsupportedError

Program = bytes | mmap
_Operation = Callable[[Any, int], None]
_NEWEST_PROTOCOL: Final = 5
_CONTAINER: Final = 150
_SLOT: Final = 110
_SCALAR: Final = 40


@contextmanager
def _uncollected() -> Iterator[None]:
    """Nothing that a pickle builds is garbage before its end, so that looking for it takes time and finds nothing."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


class StubUnpickler:
    """Runs the pickle at ``position`` of ``program``; afterwards ``position`` is where the pickle ended."""

    def __init__(self, program: Program, position: int = 0, end: int | None = None) -> None:
        self.position = position
        self._program = program
        self._end = len(program) if end is None else min(end, len(program))
        self._stack: list[Node] = []
        self._marks: list[int] = []
        self._memo: dict[int, Node] = {}
        self._left = NODE_BYTES

    def load(self) -> Node:
        """The object that the pickle describes.

        Raises CheckpointMalformedError where the program makes no sense, CheckpointTooLargeError where it exceeds its
        budget of time or memory, CheckpointUnsupportedError where it needs bytes from outside.
        """
        try:
            with _uncollected():
                return self._run()
        except (IndexError, KeyError, ValueError, struct.error) as error:
            message = f"the pickle makes no sense before offset {self.position}: {error!r:.200}"
            raise CheckpointMalformedError(message) from None

    def _run(self) -> Node:
        for _ in range(OPCODES):
            code = self._code()
            if code == opcodes.STOP:
                return self._stack.pop()
            operation = self._OPERATIONS.get(code)
            if operation is None:
                message = f"byte {code:#04x} at offset {self.position - 1} is no pickle operation"
                raise CheckpointMalformedError(message)
            operation(self, code)
        message = f"the pickle has more than {OPCODES:,} operations"
        raise CheckpointTooLargeError(message)

    def _pay(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            message = f"what the pickle describes needs more than {NODE_BYTES >> 20} MB"
            raise CheckpointTooLargeError(message)

    def _take(self, size: int) -> bytes:
        self._require(size)
        start = self.position
        self.position = start + size
        return self._program[start : self.position]

    def _code(self) -> int:
        at = self.position
        if at >= self._end:
            message = f"the pickle ends at offset {self._end} without saying so"
            raise CheckpointMalformedError(message)
        self.position = at + 1
        return self._program[at]

    def _require(self, size: int) -> None:
        if size < 0 or self.position + size > self._end:
            message = f"the pickle ends at offset {self._end}, but {size:,} bytes were announced at {self.position}"
            raise CheckpointMalformedError(message)

    def _number(self, width: int, *, signed: bool = False) -> int:
        return int.from_bytes(self._take(width), "little", signed=signed)

    def _counted(self, width: int) -> bytes:
        size = self._number(width)
        self._require(size)
        self._pay(2 * size + _SCALAR)
        return self._take(size)

    def _line(self) -> str:
        stop = self._program.find(b"\n", self.position, min(self.position + LINE, self._end))
        if stop < 0:
            message = f"the line at offset {self.position} of the pickle does not end"
            raise CheckpointMalformedError(message)
        text = self._take(stop - self.position).decode("utf-8", "surrogateescape")
        self.position += 1
        self._pay(len(text) + _SCALAR)
        return text

    def _push(self, node: Node, price: int = _SCALAR) -> None:
        self._left -= price
        if self._left < 0:
            self._pay(0)
        self._stack.append(node)

    def _marked(self) -> list[Node]:
        """Take everything above the last mark."""
        start = self._marks.pop()
        items = self._stack[start:]
        del self._stack[start:]
        return items

    def _pop(self) -> Node:
        if self._marks and len(self._stack) <= self._marks[-1]:
            message = f"the pickle takes a value across a mark at offset {self.position}"
            raise CheckpointMalformedError(message)
        return self._stack.pop()

    # Constants, numbers and texts.

    def _skip_protocol(self, _: int) -> None:
        version = self._number(1)
        if version > _NEWEST_PROTOCOL:
            message = f"pickle protocol {version} is not known, {_NEWEST_PROTOCOL} is the newest that is"
            raise CheckpointUnsupportedError(message)

    def _skip_frame(self, _: int) -> None:
        self._take(8)

    def _constant(self, code: int) -> None:
        self._push(opcodes.CONSTANTS[code], 8)

    def _integer(self, code: int) -> None:
        width, signed = opcodes.INTEGERS[code]
        self._push(self._number(width, signed=signed))

    def _long(self, code: int) -> None:
        self._push(int.from_bytes(self._counted(1 if code == 0x8A else 4), "little", signed=True))

    def _text_integer(self, _: int) -> None:
        line = self._line()
        self._push(opcodes.BOOLEANS[line] if line in opcodes.BOOLEANS else int(line.removesuffix("L")))

    def _text_float(self, _: int) -> None:
        self._push(float(self._line()))

    def _float(self, _: int) -> None:
        self._push(struct.unpack(">d", self._take(8))[0])

    def _text(self, code: int) -> None:
        self._push(self._counted(opcodes.TEXTS[code]).decode("utf-8", "surrogatepass"))

    def _old_text(self, code: int) -> None:
        self._push(self._counted(opcodes.OLD_TEXTS[code]).decode("utf-8", "surrogateescape"))

    def _bytes(self, code: int) -> None:
        self._push(self._counted(opcodes.BYTES[code]))

    def _escaped_text(self, _: int) -> None:
        self._push(self._line().encode("utf-8", "surrogateescape").decode("raw-unicode-escape"))

    def _quoted_text(self, _: int) -> None:
        line = self._line()
        if len(line) < 2 or line[0] != line[-1] or line[0] not in "'\"":
            message = f"a quoted text is not quoted before offset {self.position}"
            raise CheckpointMalformedError(message)
        self._push(line[1:-1].encode("latin-1", "replace").decode("unicode-escape", "replace"))

    # Containers.

    def _mark(self, _: int) -> None:
        self._pay(8)
        self._marks.append(len(self._stack))

    def _empty(self, code: int) -> None:
        kind = opcodes.EMPTY[code]
        self._push(Dictionary() if kind == "dict" else Sequence(kind), _CONTAINER)

    def _collected(self, code: int) -> None:
        items = self._marked()
        self._push(Sequence(opcodes.COLLECTED[code], items), _CONTAINER + 8 * len(items))

    def _short_tuple(self, code: int) -> None:
        items = [self._pop() for _ in range(code - 0x84)]
        self._push(Sequence("tuple", items[::-1]), _CONTAINER)

    def _collected_dict(self, _: int) -> None:
        pairs = self._paired(self._marked())
        self._push(Dictionary("dict", pairs), _CONTAINER)

    def _append(self, _: int) -> None:
        item = self._pop()
        self._items().append(item)
        self._pay(8)

    def _extend(self, _: int) -> None:
        items = self._marked()
        self._items().extend(items)
        self._pay(8 * len(items))

    def _set_item(self, _: int) -> None:
        value, key = self._pop(), self._pop()
        self._pairs().extend(self._paired([key, value]))

    def _set_items(self, _: int) -> None:
        pairs = self._paired(self._marked())
        self._pairs().extend(pairs)

    def _paired(self, items: list[Node]) -> list[tuple[Node, Node]]:
        self._pay(_SLOT * (len(items) // 2))
        return list(zip(items[::2], items[1::2], strict=True))

    def _items(self) -> list[Node]:
        target = self._stack[-1]
        if not isinstance(target, Sequence | Record):
            message = f"items are added to something that holds none at offset {self.position}"
            raise CheckpointMalformedError(message)
        return target.items

    def _pairs(self) -> list[tuple[Node, Node]]:
        target = self._stack[-1]
        if not isinstance(target, Dictionary | Record):
            message = f"keys are set on something that has none at offset {self.position}"
            raise CheckpointMalformedError(message)
        return target.pairs

    # The stack and the memo.

    def _drop(self, _: int) -> None:
        if self._marks and self._marks[-1] == len(self._stack):
            self._marks.pop()
        else:
            self._stack.pop()

    def _drop_marked(self, _: int) -> None:
        self._marked()

    def _double(self, _: int) -> None:
        self._push(self._stack[-1], 8)

    def _remember(self, code: int) -> None:
        self._pay(_SLOT)
        at = len(self._memo) if code == 0x94 else self._address(code)
        self._memo[at] = self._stack[-1]

    def _recall(self, code: int) -> None:
        self._push(self._memo[self._address(code)], 8)

    def _address(self, code: int) -> int:
        width = opcodes.ADDRESSES[code]
        return self._number(width) if width else int(self._line())

    # Names and calls, none of which is made.

    def _global(self, _: int) -> None:
        module = self._line()
        self._push(Global(module, self._line()), _CONTAINER)

    def _stack_global(self, _: int) -> None:
        name, module = self._pop(), self._pop()
        if not isinstance(name, str) or not isinstance(module, str):
            message = f"a global without a name at offset {self.position}"
            raise CheckpointMalformedError(message)
        self._pay(len(name) + len(module))
        self._push(Global(module, name), _CONTAINER)

    def _extension(self, code: int) -> None:
        self._push(Global("copyreg", f"extension {self._number(opcodes.EXTENSION_WIDTHS[code])}"), _CONTAINER)

    def _call(self, _: int) -> None:
        arguments = self._pop()
        self._push(Record(self._pop(), arguments), 2 * _CONTAINER)

    def _call_with_keywords(self, _: int) -> None:
        keywords, arguments = self._pop(), self._pop()
        record = Record(self._pop(), arguments)
        record.state.append(keywords)
        self._push(record, 3 * _CONTAINER)

    def _call_named(self, _: int) -> None:
        module = self._line()
        callee = Global(module, self._line())
        self._push(Record(callee, Sequence("tuple", self._marked())), 3 * _CONTAINER)

    def _call_marked(self, _: int) -> None:
        callee, *arguments = self._marked()
        self._push(Record(callee, Sequence("tuple", arguments)), 3 * _CONTAINER)

    def _build(self, _: int) -> None:
        state = self._pop()
        target = self._stack[-1]
        if not isinstance(target, Record):
            message = f"a state is set on something that has none at offset {self.position}"
            raise CheckpointMalformedError(message)
        self._pay(_SLOT)
        target.state.append(state)

    def _persistent(self, code: int) -> None:
        identifier = self._line() if code == 0x50 else self._pop()
        self._push(Persistent(identifier), _CONTAINER)

    def _outside(self, _: int) -> None:
        message = "the pickle takes buffers from outside the file"
        raise CheckpointUnsupportedError(message)

    _TABLE: ClassVar[tuple[tuple[_Operation, tuple[int, ...]], ...]] = (
        (_skip_protocol, (0x80,)),
        (_skip_frame, (0x95,)),
        (_constant, tuple(opcodes.CONSTANTS)),
        (_integer, tuple(opcodes.INTEGERS)),
        (_long, (0x8A, 0x8B)),
        (_text_integer, (0x49, 0x4C)),
        (_text_float, (0x46,)),
        (_float, (0x47,)),
        (_text, tuple(opcodes.TEXTS)),
        (_old_text, tuple(opcodes.OLD_TEXTS)),
        (_bytes, tuple(opcodes.BYTES)),
        (_escaped_text, (0x56,)),
        (_quoted_text, (0x53,)),
        (_mark, (0x28,)),
        (_empty, tuple(opcodes.EMPTY)),
        (_collected, tuple(opcodes.COLLECTED)),
        (_short_tuple, (0x85, 0x86, 0x87)),
        (_collected_dict, (0x64,)),
        (_append, (0x61,)),
        (_extend, (0x65, 0x90)),
        (_set_item, (0x73,)),
        (_set_items, (0x75,)),
        (_drop, (0x30,)),
        (_drop_marked, (0x31,)),
        (_double, (0x32,)),
        (_remember, (0x70, 0x71, 0x72, 0x94)),
        (_recall, (0x67, 0x68, 0x6A)),
        (_global, (0x63,)),
        (_stack_global, (0x93,)),
        (_extension, tuple(opcodes.EXTENSION_WIDTHS)),
        (_call, (0x52, 0x81)),
        (_call_with_keywords, (0x92,)),
        (_call_named, (0x69,)),
        (_call_marked, (0x6F,)),
        (_build, (0x62,)),
        (_persistent, (0x50, 0x51)),
        (_outside, (0x97, 0x98)),
    )
    _OPERATIONS: ClassVar[dict[int, _Operation]] = {code: operation for operation, codes in _TABLE for code in codes}
