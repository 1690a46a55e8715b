"""explore_compilation_system(): every target in the tables, failures as rows."""

import pytest
from tinygrad import Tensor, dtypes

from labs.errors import LoweringError
from labs.lowering import STAGES, TARGETS, explore_compilation_system


def test_the_syllabus_example_on_all_targets():
    exploration = explore_compilation_system()
    assert tuple(exploration.lowerings) == tuple(TARGETS) and not exploration.failures
    assert [row[1] for row in exploration.pipeline().rows] == [*STAGES, "execution"]
    assert len(exploration.targets().rows) == len(TARGETS)
    assert [row[0] for row in exploration.kernels().rows] == list(TARGETS)
    assert exploration._repr_html_().count("<table") == 3


def test_a_target_that_cannot_is_a_row_with_the_reason():
    double = Tensor.empty(8, dtype=dtypes.double) + 1
    exploration = explore_compilation_system(double, ["OPENCL", "WGSL"])
    assert tuple(exploration.lowerings) == ("OPENCL",)
    assert "double" in exploration.failures["WGSL"]
    assert "double" in str(exploration.kernels())
    with pytest.raises(LoweringError, match="double"):
        exploration.pipeline("WGSL")


def test_copies_only():
    exploration = explore_compilation_system(Tensor([1.0, 2.0]), ["CUDA"])
    assert "copies only" in str(exploration.kernels())
    assert "0 kernels" in str(exploration.pipeline())


@pytest.mark.parametrize(("expression", "targets"), [(3, None), (Tensor.empty(3), ["CPU"])])
def test_nothing_to_lower(expression, targets):
    with pytest.raises(LoweringError):
        explore_compilation_system(expression, targets)


def test_unknown_target_is_an_error():
    with pytest.raises(LoweringError, match="FOO"):
        explore_compilation_system(Tensor.empty(3) + 1, ["CPU", "FOO"])
