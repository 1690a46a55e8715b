"""Group "pickle": tensors, renderers and captured functions survive pickling."""

import pickle

import numpy as np
from tinygrad import Tensor, TinyJit

from labs.backends.conformance.case import Cases, check
from labs.backends.conformance.compare import exact
from labs.backends.conformance.subject import Subject

CASES = Cases("pickle")


def _copy(thing):
    return pickle.loads(pickle.dumps(thing))


@CASES.case("tensor")
def _tensor(s: Subject) -> None:
    values = np.arange(33, dtype=np.float32)
    back = _copy(s.tensor(values))
    check(back.device == s.name, f"the copy is on {back.device}")
    exact(back.numpy(), values)
    exact((back + 1).numpy(), values + 1)


@CASES.case("computed-tensor")
def _computed(s: Subject) -> None:
    values = np.arange(20, dtype=np.int32)
    exact(_copy((s.tensor(values) * 3).realize()).numpy(), values * 3)


@CASES.case("view")
def _view(s: Subject) -> None:
    values = np.arange(40, dtype=np.float32)
    exact(_copy(s.tensor(values)[8:24].contiguous().realize()).numpy(), values[8:24])


@CASES.case("unrealized")
def _unrealized(s: Subject) -> None:
    values = np.arange(10, dtype=np.float32)
    exact(_copy(s.tensor(values) * 2 + 1).numpy(), values * 2 + 1)


@CASES.case("captured-jit")
def _jit(s: Subject) -> None:
    @TinyJit
    def function(x: Tensor) -> Tensor:
        return ((x + 1).contiguous() * 2).realize()

    for k in range(3):
        function(s.tensor(np.arange(5, dtype=np.float32) + k))
    back = _copy(function)
    for k in range(3):
        values = np.arange(5, dtype=np.float32) * (k + 2)
        exact(back(s.tensor(values)).numpy(), (values + 1) * 2)


@CASES.case("parameters")
def _parameters(s: Subject) -> None:
    state = {"w": s.tensor(np.eye(3, dtype=np.float32)), "b": s.tensor(np.ones(3, np.float32))}
    back = _copy(state)
    got = (s.tensor(np.arange(3, dtype=np.float32)) @ back["w"] + back["b"]).numpy()
    exact(got, np.arange(3, dtype=np.float32) + 1)
