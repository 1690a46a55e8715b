"""compare_sources(): aligned, complete, marked by symbol, escaped."""

from dataclasses import replace

import pytest
from tinygrad import Tensor

from labs.errors import LoweringError
from labs.lowering import compare_sources, lower


@pytest.fixture(scope="module")
def kernel():
    return lower(Tensor.empty(64) * 2 + 1, "OPENCL").kernels[0]


def with_source(kernel, source, target="T"):
    return replace(kernel, source=source, target=target)


def both(comparison):
    left = [("".join(t for t, _ in x.left)) for x in comparison.lines if x.left_number]
    right = [("".join(t for t, _ in x.right)) for x in comparison.lines if x.right_number]
    return left, right


def test_same_source_has_no_difference(kernel):
    comparison = compare_sources(kernel, kernel)
    assert comparison.different == 0 and comparison.same == len(kernel.source.splitlines())


def test_changed_added_and_removed_lines(kernel):
    left = with_source(kernel, "float a = b + 1;\nsame();\nremoved();\n")
    right = with_source(kernel, "float a = c + 1;\nsame();\nif (x) { barrier(7); }\n")
    comparison = compare_sources(left, right)
    assert [x.mark for x in comparison.lines] == ["~", "=", "<", ">"]
    changed = comparison.lines[0]
    assert [t for t, differs in changed.left if differs] == ["b"]
    assert [t for t, differs in changed.right if differs] == ["c"]


def test_every_line_appears_once_and_in_order(kernel):
    cuda = lower(Tensor.empty(32, 32) @ Tensor.empty(32, 32), "CUDA").kernels[0]
    cpu = lower(Tensor.empty(32, 32) @ Tensor.empty(32, 32), "CPU").kernels[0]
    for a, b in ((cuda, cpu), (cpu, cuda), (kernel, cpu)):
        left, right = both(compare_sources(a, b))
        assert left == a.source.splitlines() and right == b.source.splitlines()


def test_the_loop_becomes_the_launch():
    def expression():
        return Tensor.empty(64) * 2 + 1

    comparison = compare_sources(
        lower(expression, "CPU").kernels[0], lower(expression, "OPENCL").kernels[0]
    )
    only_left = ["".join(t for t, _ in x.left) for x in comparison.lines if x.mark == "<"]
    only_right = ["".join(t for t, _ in x.right) for x in comparison.lines if x.mark == ">"]
    assert any("for (" in line for line in only_left)
    assert any("get_local_id" in line for line in only_right)


def test_html_is_escaped_and_marks_are_readable_without_colour(kernel):
    comparison = compare_sources(
        with_source(kernel, "a < b && <script>;\n"), with_source(kernel, "a < c && <script>;\n")
    )
    html = comparison._repr_html_()
    assert "<script>" not in html and "&lt;script&gt;" in html
    assert "title='changed'" in html and "<mark" in html and "scope='col'" in html
    assert "~" in str(comparison)


def test_long_sources_fold_away(kernel):
    source = "".join(f"line({i});\n" for i in range(100))
    comparison = compare_sources(with_source(kernel, source), with_source(kernel, source))
    assert "<details><summary>40 more lines" in comparison.html(max_lines=60)


@pytest.mark.parametrize("wrong", [None, "source", 3])
def test_wrong_input(kernel, wrong):
    with pytest.raises(LoweringError, match="Compare two kernels"):
        compare_sources(kernel, wrong)
