"""labs.gpu.notation: options as text and back, and lines that are none."""

import pytest
from tinygrad.codegen.opt import Opt, OptOps

from labs.gpu.kernels import OptionError
from labs.gpu.notation import option_text, option_texts, parse_options

LINES = (
    ("UPCAST 0 4", Opt(OptOps.UPCAST, 0, 4)),
    ("unroll 1 0", Opt(OptOps.UNROLL, 1, 0)),
    ("LOCAL 1 16", Opt(OptOps.LOCAL, 1, 16)),
    ("GROUP 0 8", Opt(OptOps.GROUP, 0, 8)),
    ("GROUPTOP 0 256", Opt(OptOps.GROUPTOP, 0, 256)),
    ("THREAD 0 2", Opt(OptOps.THREAD, 0, 2)),
    ("PADTO 0 32", Opt(OptOps.PADTO, 0, 32)),
    ("SWAP 0 1", Opt(OptOps.SWAP, 0, 1)),
    ("NOLOCALS", Opt(OptOps.NOLOCALS)),
    ("TC", Opt(OptOps.TC, 0, (-1, 0, 1))),
    ("TC 2", Opt(OptOps.TC, 2, (-1, 0, 1))),
    ("TC 0 1 2", Opt(OptOps.TC, 0, (1, 2, 1))),
)


@pytest.mark.parametrize(("line", "opt"), LINES)
def test_a_line_is_read_as_tinygrads_option_and_written_back(line, opt):
    assert parse_options(line) == (opt,)
    assert parse_options(option_text(opt)) == (opt,)


def test_several_options_come_from_lines_semicolons_lists_and_objects():
    want = (Opt(OptOps.UPCAST, 0, 4), Opt(OptOps.LOCAL, 1, 16))
    for given in ("UPCAST 0 4; LOCAL 1 16", "UPCAST 0 4\n\nLOCAL 1,16", ["UPCAST 0 4", want[1]]):
        assert parse_options(given) == want
    assert parse_options("") == ()
    assert option_texts(want) == ("UPCAST 0 4", "LOCAL 1 16")


@pytest.mark.parametrize(
    ("line", "got"),
    [
        ("VECTORIZE 0 4", "'VECTORIZE', which is no option"),
        ("UPCAST zero 4", "'zero 4' where whole numbers belong"),
        ("UPCAST 0", "1 number, not 2"),
        ("UPCAST 0 -4", "a negative number"),
        ("UPCAST 0 1", "an amount of 1, which splits nothing off"),
        ("PADTO 0 0", "a multiple of 0"),
        ("NOLOCALS 1", "numbers after NOLOCALS, which takes none"),
        ("TC 0 1 2 1 1", "5 numbers after TC, which takes up to 4"),
    ],
)
def test_a_line_that_is_no_option_says_what_is_wrong_with_it(line, got):
    with pytest.raises(OptionError) as caught:
        parse_options(line)
    assert caught.value.got == got and line in caught.value.asked
    assert "'UPCAST 0 4'" in caught.value.expected


def test_something_else_than_text_is_refused():
    with pytest.raises(OptionError, match="a float"):
        parse_options([0.5])
