"""A compiler's message is shown beside the kernel's lines, and travels as tinygrad expects."""

import pickle

import pytest

from labs import toolchain

toolchain.activate()

from tinygrad.device import CompileError  # noqa: E402

from labs.backends.compile_errors import complaints, explain, refused  # noqa: E402
from labs.errors import LabError  # noqa: E402

SOURCE = """void E_4(float* restrict data0) {
  for (int i = 0; i < 4; i++) {
    float val = unknown(i);
    *(data0+i) = val;
  }
}"""
CLANG = """<stdin>:3:17: error: call to undeclared function 'unknown'; ISO C99 does not support it
    3 |     float val = unknown(i);
      |                 ^
1 error generated.
"""


def test_explain_when_clang_names_a_line_then_shows_it_with_its_neighbours_and_a_caret():
    text = explain(CLANG, SOURCE, "E_4")
    assert "E_4 did not compile: 1 error" in text
    assert "line 3, column 17: call to undeclared function 'unknown'" in text
    assert ">    3 |     float val = unknown(i);" in text
    assert "     5 |   }" in text and "     1 | void E_4" in text and "   6 |" not in text
    marked, caret = text.splitlines()[4:6]
    assert marked[caret.index("^") :].startswith("unknown(i)")


def test_explain_when_many_errors_then_shows_three_and_counts_the_rest():
    stderr = "".join(f"<stdin>:{n}:1: error: bad {n}\n" for n in (1, 2, 3, 4, 5))
    text = explain(stderr, SOURCE, "k")
    assert "5 errors" in text and "bad 3" in text and "bad 4" not in text
    assert text.endswith("... and 2 more")


def test_explain_when_the_linker_misses_a_symbol_then_shows_the_lines_that_use_it():
    text = explain("ld.lld: error: undefined symbol: unknown\n", SOURCE, "E_4")
    assert "undefined symbol: unknown" in text and ">    3 |     float val = unknown(i);" in text


@pytest.mark.parametrize("stderr", ["", "Segmentation fault (core dumped)\n"])
def test_explain_when_no_line_is_named_then_quotes_what_there_is(stderr):
    assert (stderr.strip() or "said nothing") in explain(stderr, SOURCE, "E_4")


def test_explain_when_a_windows_path_names_the_file_then_finds_the_line():
    assert complaints(r"C:\k\a.c:2:3: fatal error: no" + "\n", 6)[0].line == 2


def test_explain_when_a_line_lies_outside_the_kernel_then_it_is_no_complaint_about_it():
    assert complaints("/usr/include/x.h:900:3: error: no\n", 6) == ()


def test_refused_when_raised_then_is_tinygrads_error_and_ours_and_pickles():
    error = refused(CLANG, SOURCE, "MINE")
    assert error.asked == "Compile the kernel E_4 for MINE"
    assert isinstance(error, CompileError) and isinstance(error, LabError)
    again = pickle.loads(pickle.dumps(error))  # as it comes back from a compile worker
    assert str(again) == str(error) and type(again) is type(error)
    assert "Next:" in str(error) and "renderer" in str(error)
