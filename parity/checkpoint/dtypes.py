"""Element types by their torch names, and how their bytes become numbers.

numpy has no bfloat16 and no float8, so their bits are decoded here; everything else numpy decodes.
"""

import math
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from parity.errors import CheckpointUnsupportedError


@dataclass(frozen=True)
class DType:
    """One element type.

    ``storage`` is the numpy type with the same bytes. ``exponent`` and ``mantissa`` count the bits of a floating-point
    type (0 for others), ``parts`` is 2 for complex numbers. ``order`` is the byte order of what is stored, as numpy
    spells it; it belongs to the file, and two types that differ in it alone are equal.
    """

    name: str
    storage: str
    exponent: int = 0
    mantissa: int = 0
    parts: int = 1
    order: str = field(default="=", compare=False)

    @property
    def stored(self) -> np.dtype[Any]:
        """The numpy type of the bytes as they are stored."""
        return np.dtype(self.storage).newbyteorder(self.order)  # type: ignore[arg-type]

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return np.dtype(self.storage).itemsize

    @property
    def is_float(self) -> bool:
        """Whether it is a real floating-point type, for which distances in units of the last place mean something."""
        return self.exponent > 0 and self.parts == 1

    @property
    def is_numeric(self) -> bool:
        """Whether elements have a numeric value at all."""
        return np.dtype(self.storage).kind not in "VSUMm"

    def decode(self, elements: NDArray[Any]) -> NDArray[Any]:
        """The elements of ``storage`` type as float64 or complex128."""
        if self.name == "bfloat16":
            return (elements.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
        if self.name.startswith("float8"):
            decoded: NDArray[np.float64] = _float8(self.name)[elements]
            return decoded
        return elements.astype(np.complex128 if self.parts == 2 else np.float64)


def torch_dtype(name: str) -> DType:
    """The type that torch calls ``torch.NAME``; raises CheckpointUnsupportedError where it is not known."""
    found = _TORCH.get(name)
    if found is None:
        message = f"element type {name!r:.80} is not known"
        raise CheckpointUnsupportedError(message)
    return found


def storage_dtype(name: str) -> DType:
    """The type of a typed torch storage, such as ``FloatStorage``; an untyped one holds bytes."""
    return torch_dtype(_STORAGES.get(name, name))


def safetensors_dtype(name: str) -> DType:
    """The type that a safetensors header calls ``name``."""
    return torch_dtype(_SAFETENSORS.get(name, name))


def numpy_dtype(description: str) -> DType:
    """The type that numpy writes as ``description``."""
    try:
        found = np.dtype(description)
    except (TypeError, ValueError, SyntaxError, RecursionError, MemoryError) as error:
        message = f"element type {description!r:.80} is not known: {error!r:.80}"
        raise CheckpointUnsupportedError(message) from None
    if found.hasobject or found.itemsize == 0:
        message = f"elements of type {description!r:.80} are objects, or nothing"
        raise CheckpointUnsupportedError(message)
    order = "=" if found.isnative else found.str[0]
    native = found.newbyteorder("=")
    known = _TORCH.get(found.name)
    if known is None or known.storage != native.str[1:]:
        known = DType(found.name, native.str)
    return replace(known, order=order)


def _floats(name: str, storage: str, exponent: int, mantissa: int) -> DType:
    return DType(name, storage, exponent, mantissa)


_ALL: Final = (
    _floats("float64", "f8", 11, 52),
    _floats("float32", "f4", 8, 23),
    _floats("float16", "f2", 5, 10),
    _floats("bfloat16", "u2", 8, 7),
    _floats("float8_e4m3fn", "u1", 4, 3),
    _floats("float8_e4m3fnuz", "u1", 4, 3),
    _floats("float8_e5m2", "u1", 5, 2),
    _floats("float8_e5m2fnuz", "u1", 5, 2),
    DType("float8_e8m0fnu", "u1"),
    DType("complex64", "c8", 8, 23, 2),
    DType("complex128", "c16", 11, 52, 2),
    DType("int64", "i8"),
    DType("int32", "i4"),
    DType("int16", "i2"),
    DType("int8", "i1"),
    DType("uint64", "u8"),
    DType("uint32", "u4"),
    DType("uint16", "u2"),
    DType("uint8", "u1"),
    DType("bool", "u1"),
    DType("qint8", "i1"),
    DType("quint8", "u1"),
    DType("qint32", "i4"),
    DType("bits8", "u1"),
    DType("bits16", "u2"),
)
_TORCH: Final = {one.name: one for one in _ALL}
_STORAGES: Final = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
    "QInt8Storage": "qint8",
    "QUInt8Storage": "quint8",
    "QInt32Storage": "qint32",
    "UntypedStorage": "uint8",
}
_SAFETENSORS: Final = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "F8_E8M0": "float8_e8m0fnu",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U64": "uint64",
    "U32": "uint32",
    "U16": "uint16",
    "U8": "uint8",
    "BOOL": "bool",
    "C64": "complex64",
}


@cache
def _float8(name: str) -> NDArray[np.float64]:
    """The value of each of the 256 bit patterns."""
    if name == "float8_e8m0fnu":
        return np.array([2.0 ** (bits - 127) for bits in range(255)] + [math.nan])
    dtype = _TORCH[name]
    signless = [_magnitude(bits, dtype) for bits in range(128)]
    values = np.array(signless + [-value for value in signless])
    if name.endswith("fnuz"):
        values[128] = math.nan
    return values


def _magnitude(bits: int, dtype: DType) -> float:
    exponent, fraction = bits >> dtype.mantissa, bits & ((1 << dtype.mantissa) - 1)
    bias = (1 << (dtype.exponent - 1)) - (0 if dtype.name.endswith("fnuz") else 1)
    if dtype.name == "float8_e5m2" and exponent == 31:
        return math.inf if fraction == 0 else math.nan
    if dtype.name == "float8_e4m3fn" and bits == 127:
        return math.nan
    scale = 1 << dtype.mantissa
    if exponent == 0:
        return math.ldexp(fraction / scale, 1 - bias)
    return math.ldexp(1 + fraction / scale, exponent - bias)
