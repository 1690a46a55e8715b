"""labs.gpu.options: kernels with chosen options, and what is counted in their code."""

import pytest
from tinygrad import Tensor

from labs.errors import LoweringError
from labs.gpu.options import OptionError, apply, axes

N = 64
# Worked out by hand for the product of two 64 x 64 matrices of 4-byte values. A tile of v x t
# results (v neighbours in a row) needs, for each of 64 steps of the sum, one load of v values of B
# and t single values of A; the 64 x 64 results are stored once, by at most 4 values a statement.
STORES = N * N * 4
TABLE = (
    # options, bytes of all loads and stores, loads, stores, widest, results in registers
    ("", N**3 * (4 + 4) + STORES, 2, 1, 1, 1),
    ("UPCAST 1 4", N**3 // 4 * (16 + 4) + STORES, 2, 1, 4, 4),
    ("UPCAST 1 4; UPCAST 0 2", N**3 // 8 * (16 + 8) + STORES, 3, 2, 4, 8),
    # four steps written out: four loads of B, and both rows of A four values at a time
    ("UPCAST 1 4; UPCAST 0 2; UNROLL 0 4", N**3 // 8 * (16 + 8) + STORES, 6, 2, 4, 8),
)


@pytest.mark.parametrize(("options", "accessed", "loads", "stores", "widest", "results"), TABLE)
def test_the_counts_are_those_worked_out_by_hand(options, accessed, loads, stores, widest, results):
    counts = apply(f"matmul:n={N}", options, "CPU").counts
    assert counts.flop == 2 * N**3 and counts.min_bytes == 3 * N * N * 4
    assert counts.bytes_accessed == accessed
    assert counts.intensity_accessed == pytest.approx(2 * N**3 / accessed)
    assert (counts.loads, counts.stores, counts.widest) == (loads, stores, widest)
    assert counts.accumulators == results and counts.shared_bytes == 0


def test_groups_have_their_launch_and_their_shared_memory():
    kernel = apply(f"matmul:n={N}", "UPCAST 1 4; LOCAL 0 8; GROUP 0 4", "CUDA:sm_90")
    # 8 x 4 work items; each group keeps 4 partial results of 4 bytes for each of them
    assert kernel.local_size == (8, 4, 1) and kernel.global_size == (16, 8, 1)
    assert kernel.counts.shared_bytes == 8 * 4 * 4 * 4
    assert "__shared__" in kernel.source and kernel.language == "CUDA C++"


def test_none_is_tinygrads_choice_and_an_empty_list_is_none_at_all():
    heuristic = apply(f"matmul:n={N}", None, "CPU")
    assert heuristic.opts[:2] == ("UPCAST 1 4", "UPCAST 0 4")
    assert apply(f"matmul:n={N}", [], "CPU").opts == ()


def test_the_options_stand_in_words_and_the_table_shows_itself():
    kernel = apply(f"matmul:n={N}", "UPCAST 1 4", "CPU")
    assert kernel.in_words == ("UPCAST: axis 1: 4 neighbouring values per thread, as a vector",)
    assert "float4" in kernel.source
    assert "2 and 1" in str(kernel) and "<table" in kernel._repr_html_()
    assert [a.name for a in kernel.axes] == ["L0", "L1", "u0", "R0"]


def test_axes_after_options_are_those_that_are_left():
    left = axes(f"matmul:n={N}", "CPU", "UPCAST 1 4")
    assert [(a.name, a.size) for a in left] == [("L0", 64), ("L1", 16), ("u0", 4), ("R0", 64)]
    assert left.applied == ("UPCAST 1 4",) and "after UPCAST 1 4" in str(left)


def test_any_expression_and_each_of_its_kernels_can_be_chosen():
    x = Tensor.empty(32, 32, device="CPU")
    first = apply(x.softmax(-1), "UPCAST 0 4", "CPU", kernel=0)
    last = apply(x.softmax(-1), "UPCAST 1 4", "CPU", kernel=2)
    assert first.kernel.key != last.kernel.key
    with pytest.raises(OptionError, match="kernel 2 of 3 on CPU"):
        apply(x.softmax(-1), "UPCAST 1 3", "CPU", kernel=2)


def test_an_unknown_target_is_refused():
    with pytest.raises(LoweringError):
        apply("matmul:n=8", "", "NO SUCH DEVICE")
