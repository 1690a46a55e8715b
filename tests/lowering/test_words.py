"""Options, arguments and trees in words."""

import pytest
from tinygrad import Tensor
from tinygrad.codegen.opt import Opt, OptOps

from labs.lowering import lower
from labs.lowering.words import option_in_words


@pytest.mark.parametrize("op", list(OptOps))
def test_every_option_has_words(op):
    text = option_in_words(Opt(op, 1, 4))
    assert text.startswith(f"{op.name}: ") and "{" not in text
    assert text != f"{op.name}: axis 1, 4"


def test_an_amount_of_zero_is_the_whole_axis():
    assert "all steps" in option_in_words(Opt(OptOps.UNROLL, 0, 0))


def test_arguments_of_the_graph():
    x = Tensor.empty(4, 3)[1:3].pad(((1, 0), (0, 0))).permute(1, 0).to("CPU:1") * 2.5
    args = {n.op: n.arg for n in lower(x).uop_graph.nodes}
    # rows 1 and 2 of four, moved down by one row
    assert args["SHRINK"] == "at (1, 0), size (2, 3)"
    assert args["PAD"] == "at (1, 0), size (3, 3)" and args["PERMUTE"] == "(1, 0)"
    assert args["COPY"] == "to CPU:1" and args["CONST"] == "2.5"
