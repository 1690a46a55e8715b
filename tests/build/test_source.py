"""Holes: made where they may be, refused with the line where they may not."""

import ast

import pytest

from labs.build.source import read_source
from labs.errors import BuildError


def student(text):
    return read_source("01_x", text).student_text()


def test_student_text_has_a_sized_hole_and_no_hidden_tests(source_text):
    text = student(source_text)
    hole = '    """Work and traffic of (m, k) @ (k, n)."""\n    # FILL IN (about 2 lines)\n'
    assert f"{hole}    raise NotImplementedError\n\n\n# %%" in text
    assert "SOLUTION" not in text and "HIDDEN" not in text and "assert" not in text
    assert 'check("1.3", matmul_cost)\n\n# %%' in text
    ast.parse(text)


def test_student_text_when_nested_keeps_the_indentation():
    text = student(
        "class A:\n    def f(self):\n        for x in self:\n            ### BEGIN SOLUTION\n"
        "            y = x\n            ### END SOLUTION\n        return 1\n"
    )
    assert "            # FILL IN (about 1 line)\n            raise NotImplementedError\n" in text
    assert text.endswith("        return 1\n")


def test_student_text_when_async_or_with_two_holes_makes_both():
    text = student(
        "async def f():\n    ### BEGIN SOLUTION\n    a = 1\n    ### END SOLUTION\n    b = 2\n"
        "    ### BEGIN SOLUTION\n    c = 3\n    d = 4\n    ### END SOLUTION\nawait f()\n"
    )
    assert text.count("raise NotImplementedError") == 2 and "b = 2" in text
    assert "about 1 line)" in text and "about 2 lines)" in text


IN_FUNCTION = "def f():\n"
BEGIN, END = "    ### BEGIN SOLUTION\n", "    ### END SOLUTION\n"


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("### BEGIN SOLUTION\nx = 1\n### END SOLUTION\n", 1, "function body"),
        ("if True:\n" + BEGIN + "    x = 1\n" + END, 2, "function body"),
        ("### BEGIN SOLUTION\ndef f():\n    pass\n### END SOLUTION\n", 1, "function body"),
        ("class A:\n" + BEGIN + "    x = 1\n" + END, 2, "function body"),
        (IN_FUNCTION + "    a = 1\n" + BEGIN + "    x = 1\ny = 2\n" + END, 3, "function body"),
        (IN_FUNCTION + BEGIN + END + "    pass\n", 2, "code between"),
        (IN_FUNCTION + BEGIN + "    # only this\n" + END + "    pass\n", 2, "code between"),
        (IN_FUNCTION + BEGIN + "    x = (\n" + END + "    1)\n", 4, "between two statements"),
        (IN_FUNCTION + "### BEGIN SOLUTION\n    x = 1\n### END SOLUTION\n", 2, "4 spaces"),
        (IN_FUNCTION + BEGIN + "    x = 1\n", 2, "END SOLUTION after it"),
        (IN_FUNCTION + "    x = 1\n" + END, 3, "BEGIN SOLUTION before it"),
        (IN_FUNCTION + BEGIN + BEGIN + "    x = 1\n" + END, 3, "END SOLUTION first"),
        (IN_FUNCTION + BEGIN + "    x = 1\n    ### END HIDDEN TESTS\n", 4, "BEGIN HIDDEN TESTS"),
        (IN_FUNCTION + BEGIN + "    x = 1\n\n# %%\n" + END, 5, "before the cell ends"),
        (IN_FUNCTION + "    ### BEGIN SOLUTIONS\n    x = 1\n", 2, "SOLUTION or HIDDEN"),
        (IN_FUNCTION + "    # begin solution\n    x = 1\n", 2, "alone on a line"),
        (IN_FUNCTION + "    x = 1  ### BEGIN SOLUTION\n", 2, "alone on a line"),
        ("def f(:\n    pass\n", 1, "to be Python"),
    ],
)
def test_read_source_when_a_hole_cannot_be_made_names_the_line(text, line, told):
    with pytest.raises(BuildError) as caught:
        read_source("01_x", text)
    assert f"solutions/01_x.py, line {line}" in str(caught.value)
    assert told in caught.value.expected and caught.value.next_step
