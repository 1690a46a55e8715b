"""Plain data crosses unchanged; nothing that could lie about its value does."""

import base64
import enum
import io
import json
import math
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labs.grading.encode import MAX_DEPTH, NotPlain, from_wire, plain, to_wire

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(),
    st.complex_numbers(),
)  # fmt: skip
keys = st.one_of(st.booleans(), st.integers(), st.text(), st.tuples(st.integers(), st.text()))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner), st.lists(inner).map(tuple), st.dictionaries(keys, inner)
    ),
    max_leaves=20,
)


def _same(a, b):
    if type(a) is not type(b):
        return False
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(_same(a[k], b[k]) for k in a)
    return repr(a) == repr(b)


@settings(max_examples=50, deadline=None)  # a loaded machine is not a failure
@given(values)
def test_plain_values_cross_with_their_exact_types(value):
    assert _same(plain(value), value)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.arange(6).reshape(2, 3).T,
        np.array(3.5),
        np.zeros((0, 4), np.int8),
        np.array([True, False]),
        np.array(["a", "bc"]),
        np.array([1 + 2j], np.complex64),
        np.array([math.nan, -math.inf], np.float16),
        np.arange(4, dtype=">i4"),
    ],
)
def test_arrays_cross_with_shape_and_dtype(array):
    got = plain({"a": array})["a"]
    assert type(got) is np.ndarray and got.shape == array.shape
    assert got.dtype == array.dtype
    np.testing.assert_array_equal(got, array)


def test_numpy_numbers_become_python_numbers():
    got = plain([np.float32(0.5), np.int64(3), np.bool_(True), np.str_("x")])
    assert got == [0.5, 3, True, "x"] and [type(v) for v in got] == [float, int, bool, str]


class Liar:
    def __eq__(self, other):
        return True

    __hash__ = None


class LyingInt(int):
    def __eq__(self, other):
        return True

    __hash__ = int.__hash__


class LyingArray(np.ndarray):
    pass


class Colour(enum.IntEnum):
    RED = 1


class LyingKey(str):
    __slots__ = ()


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (Liar(), "can't be compared by value"),
        (LyingInt(3), "plain int"),
        (np.zeros(2).view(LyingArray), "LyingArray"),
        (np.array([1, "a", None], dtype=object), "array of object"),
        (np.zeros(2, dtype=[("a", "i4")]), "array of"),
        (np.array(["2026-01-01"], dtype="datetime64[D]"), "array of datetime64"),
        (np.datetime64("2026-01-01"), "datetime64"),
        (Colour.RED, "plain int"),
        ({LyingKey("a"): 1}, "a key of the answer"),
        ({1, 2}, "sorted"),
        ((i for i in range(3)), "list\\(...\\)"),
        (len, "builtin_function"),
        (lambda: 1, "forgotten"),
        (object(), "can't be compared"),
        ([1, {"a": Liar()}], r"the answer\[1\]\['a'\]"),
        (1 << 5000, "bits"),
    ],
)
def test_opaque_values_are_refused_with_a_reason(value, told):
    with pytest.raises(NotPlain, match=told):
        to_wire(value)


def test_a_value_that_contains_itself_is_refused():
    loop = []
    loop.append(loop)
    with pytest.raises(NotPlain, match="contains itself"):
        to_wire(loop)


def test_tensors_are_computed():
    tinygrad = pytest.importorskip("tinygrad", reason="python3 course.py test installs tinygrad")
    with tinygrad.Context(DEV="PYTHON"):  # the device that needs no compiler
        got = plain([tinygrad.Tensor([1.0, 2.0]) + 1])
    assert got[0].dtype == np.float32 and got[0].tolist() == [2.0, 3.0]


def _npy(array, **kwargs):
    file = io.BytesIO()
    np.save(file, array, **kwargs)
    return file.getvalue()


def _tagged(content):
    return json.dumps({"npy": base64.b64encode(content).decode()})


def _lying_header():
    content = _npy(np.zeros(3))
    return content.replace(b"(3,)", b"(9,)")


class Explosive:
    def __reduce__(self):
        return os.abort, ()


@pytest.mark.parametrize(
    "wire",
    [
        "",
        "{",
        "[1]",  # a list has a tag
        '{"list": [1], "tuple": [2]}',
        '{"list": 3}',
        '{"dict": [[1]]}',
        '{"dict": [[{"list": []}, 1]]}',
        '{"float": "0"}',
        '{"complex": ["1"]}',
        '{"object": 1}',
        '{"npy": "!!"}',
        _tagged(b"PK\x03\x04"),
        _tagged(_npy(np.zeros(3))[:-8]),
        _tagged(_npy(np.zeros(3)) + b"12345678"),
        _tagged(_lying_header()),
        _tagged(_npy(np.array([Explosive()], dtype=object), allow_pickle=True)),
        '{"list": [' * (MAX_DEPTH + 2) + "]}" * (MAX_DEPTH + 2),
        "[" * 100_000,
        "1" * 5000,
    ],
)
def test_a_forged_wire_text_is_refused(wire):
    with pytest.raises(NotPlain):
        from_wire(wire)
