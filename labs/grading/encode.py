"""Answers as plain data that can leave the process they were made in: JSON, with arrays as npy.

An answer is whatever a reader's code returns, so nothing of it is trusted: only exact built-in
types, numpy arrays and numbers, and tinygrad tensors (computed, as arrays) get through. Subclasses
do not, because an object that overrides __eq__ could claim to be right. Nothing is ever pickled.
"""

import base64
import binascii
import io
import json
import math
import sys
from typing import Any

import numpy as np

MAX_DEPTH = 24
MAX_ITEMS = 1_000_000
MAX_TEXT = 10_000_000  # characters, and the digits of a number stay far below
MAX_ARRAY_BYTES = 64 * 2**20
MAX_INT_BITS = 4096  # json refuses to read numbers of more than 4300 digits
_ARRAY_KINDS = "?bhilqpBHILQPefdFDSU"  # booleans, whole, real and complex numbers, text
_NPY_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


class NotPlain(ValueError):
    """A value that is not plain data; the text says what it is and where it sits."""


def to_wire(value: object) -> str:
    """Plain data as one JSON text.

    Raises:
        NotPlain: an object that can't be judged by its value alone.
    """
    return json.dumps(_Encoder().encode(value, "the answer", 0), allow_nan=False)


def from_wire(text: str | bytes) -> Any:
    """The value that `to_wire` wrote, with its exact types.

    Raises:
        NotPlain: the text is not what `to_wire` writes.
    """
    try:
        return _Decoder().decode(json.loads(text), 0)
    except NotPlain:
        raise
    except (
        ValueError,
        TypeError,
        KeyError,
        RecursionError,
        OverflowError,
        binascii.Error,
    ) as error:
        raise NotPlain(f"not an encoded value: {type(error).__name__}: {error}") from None


def plain(value: object) -> Any:
    """The value as a judge sees it: a copy made of plain data only."""
    return from_wire(to_wire(value))


class _Counter:
    def __init__(self) -> None:
        self.items = 0

    def count(self, depth: int) -> None:
        self.items += 1
        if depth > MAX_DEPTH:
            raise NotPlain(f"nested more than {MAX_DEPTH} deep, or it contains itself")
        if self.items > MAX_ITEMS:
            raise NotPlain(f"more than {MAX_ITEMS:,} items")


class _Encoder(_Counter):
    def encode(self, value: object, where: str, depth: int) -> Any:
        self.count(depth)
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind is int:
            if value.bit_length() > MAX_INT_BITS:
                raise NotPlain(f"{where} is a number of more than {MAX_INT_BITS} bits")
            return value
        if kind is str:
            return _short_enough(value, where)
        if kind is float:
            return value if math.isfinite(value) else {"float": repr(value)}
        if kind is complex:
            return {"complex": [repr(value.real), repr(value.imag)]}
        if kind is bytes:
            return {"bytes": base64.b64encode(_short_enough(value, where)).decode()}
        if kind is list or kind is tuple:
            items = [self.encode(v, f"{where}[{i}]", depth + 1) for i, v in enumerate(value)]
            return {kind.__name__: items}
        if kind is dict:
            pairs = [
                [self.encode(k, f"a key of {where}", depth + 1),
                 self.encode(v, f"{where}[{k!r}]", depth + 1)]
                for k, v in value.items()
                if _is_key(k, where)
            ]  # fmt: skip
            return {"dict": pairs}
        return self._array_or_refuse(value, where, depth)

    def _array_or_refuse(self, value: object, where: str, depth: int) -> Any:
        kind = type(value)
        if kind is np.ndarray:
            return {"npy": _npy(value, where)}
        if issubclass(kind, np.generic) and kind.__module__ == "numpy":
            number = value.item()
            if type(number) in (bool, int, float, complex, str, bytes):
                return self.encode(number, where, depth + 1)
        tensor = _tensor_class()
        if tensor is not None and kind is tensor:
            return self.encode(tensor.numpy(value), where, depth + 1)
        raise NotPlain(f"{where} is {_described(kind)}")


class _Decoder(_Counter):
    def decode(self, data: object, depth: int) -> Any:
        self.count(depth)
        if data is None or type(data) in (bool, int, float, str):
            return data
        if type(data) is not dict or len(data) != 1:
            raise NotPlain("not an encoded value: expected one tagged item")
        ((tag, body),) = data.items()
        if tag == "float":
            return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[body]
        if tag == "complex":
            real, imag = body
            return complex(float(real), float(imag))
        if tag == "bytes":
            return base64.b64decode(body, validate=True)
        if tag in ("list", "tuple") and type(body) is list:
            items = [self.decode(v, depth + 1) for v in body]
            return items if tag == "list" else tuple(items)
        if tag == "dict" and type(body) is list:
            return {self.decode(k, depth + 1): self.decode(v, depth + 1) for k, v in body}
        if tag == "npy":
            return _array(base64.b64decode(body, validate=True))
        raise NotPlain(f"not an encoded value: unknown tag {tag!r}")


def _npy(value: np.ndarray, where: str) -> str:
    if value.dtype.hasobject or value.dtype.char not in _ARRAY_KINDS:
        raise NotPlain(f"{where} is an array of {value.dtype}, expected numbers, booleans or text")
    if value.nbytes > MAX_ARRAY_BYTES:
        raise NotPlain(f"{where} is an array of {value.nbytes:,} bytes, too large to judge")
    file = io.BytesIO()
    np.lib.format.write_array(file, np.ascontiguousarray(value).reshape(value.shape),
                              version=(1, 0), allow_pickle=False)  # fmt: skip
    return base64.b64encode(file.getvalue()).decode()


def _array(content: bytes) -> np.ndarray:
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    if version not in _NPY_HEADERS:
        raise NotPlain(f"not an encoded array: npy version {version}")
    shape, _, dtype = _NPY_HEADERS[version](file)
    # a header may promise more than there is: compare before anything is reserved for it
    if dtype.hasobject or dtype.char not in _ARRAY_KINDS:
        raise NotPlain(f"not an encoded array: dtype {dtype}")
    if any(n < 0 for n in shape) or math.prod(shape) * dtype.itemsize != len(content) - file.tell():
        raise NotPlain("not an encoded array: the header's size is not the data's")
    file.seek(0)
    return np.lib.format.read_array(file, allow_pickle=False)


def _short_enough(value: Any, where: str) -> Any:
    if len(value) > MAX_TEXT:
        raise NotPlain(f"{where} is a text of {len(value):,} characters, too long to judge")
    return value


def _is_key(key: object, where: str) -> bool:
    if key is not None and type(key) not in (bool, int, float, str, bytes, tuple):
        raise NotPlain(f"a key of {where} is {_described(type(key))}")
    return True


def _tensor_class() -> type | None:
    # a tensor can only be here if tinygrad has been imported: no need to import it
    return getattr(sys.modules.get("tinygrad"), "Tensor", None)


def _described(kind: type) -> str:
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    base = next(
        (b for b in (bool, int, float, str, tuple, list, dict) if issubclass(kind, b)), None
    )
    if base is not None:
        return f"of type {name}; return a plain {base.__name__}: {base.__name__}(...)"
    if kind.__name__ == "function":
        return "a function; return its result: was the call forgotten?"
    if kind.__name__ == "generator":
        return "a generator; return list(...) of it"
    if issubclass(kind, (set, frozenset)):
        return f"a {name}, which has no order; return sorted(...) of it"
    return (
        f"of type {name}, which can't be compared by value; return numbers, text, lists, tuples, "
        "dictionaries, numpy arrays or tensors"
    )
