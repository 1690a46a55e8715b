"""labs.widgets.lowering: every choice shows its text, errors stay in the panel."""

from html import escape

import pytest
from tinygrad import Tensor

from labs import lowering, widgets
from labs.widgets.lowering import HEAD_LINES


def scaled():
    return Tensor.empty(64, 64) * 2 + 1


def product():
    return Tensor.empty(64, 64) @ Tensor.empty(64, 64)


@pytest.fixture
def explorer():
    return widgets.lowering_explorer({"scaled": scaled, "product": product}, ["CPU", "WGSL"])


@pytest.mark.parametrize("stage", lowering.STAGES)
def test_every_stage_shows_what_lowering_says(explorer, stage):
    explorer.stage.value = stage
    text = lowering.lower(scaled, "CPU").stage(stage).text
    assert escape(text.splitlines()[0]) in explorer.output.value
    assert "Error" not in explorer.output.value


def test_the_graph_is_drawn_with_alternative_text(explorer):
    explorer.stage.value = "UOp graph"
    assert 'alt="UOp graph with' in explorer.output.value


def test_target_and_expression_change_the_text(explorer):
    assert "void E_" in explorer.output.value
    explorer.target.value = "WGSL"
    assert "@compute" in explorer.output.value
    explorer.expression.value = "product"
    assert "product" in explorer.output.value


def test_long_texts_are_cut_until_asked_for(explorer):
    explorer.expression.value = "product"
    explorer.stage.value = "disassembly"
    lines = lowering.lower(product, "CPU").stage("disassembly").text.splitlines()
    if len(lines) <= HEAD_LINES:
        pytest.skip("no disassembler: pip install capstone")
    assert f"{len(lines) - HEAD_LINES} more lines" in explorer.output.value
    explorer.show_all.value = True
    assert "more lines" not in explorer.output.value


def test_an_expression_that_fails_says_so_in_the_panel():
    panel = widgets.lowering_explorer({"wrong": lambda: Tensor.empty(2) + Tensor.empty(3)})
    assert "Error" in panel.output.value
    panel = widgets.lowering_explorer({"not a tensor": lambda: 3})
    assert "Error" in panel.output.value


def test_each_pair_is_lowered_once(explorer):
    first = explorer.lowered()
    explorer.stage.value = "schedule"
    assert explorer.lowered() is first


def test_without_a_front_end_the_same_text_is_shown(explorer):
    bundle = explorer._repr_mimebundle_()
    assert bundle["text/html"] == explorer.output.value
    assert "scaled, CPU, source" in bundle["text/plain"]


def test_two_kernels_stand_side_by_side_with_their_differences_marked():
    panel = widgets.kernel_compare(scaled, "CPU", "OPENCL")
    assert "__kernel" in panel.output.value and "restrict" in panel.output.value
    assert "only left" in panel.output.value
    panel.right.value = "METAL"
    assert "__kernel" not in panel.output.value
    assert panel._repr_mimebundle_()["text/html"] == panel.output.value


def test_an_unknown_target_is_an_error_in_the_panel():
    panel = widgets.kernel_compare(scaled, "CPU", "ABACUS")
    assert "Error" in panel.output.value and "ABACUS" in panel.output.value
