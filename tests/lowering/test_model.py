"""The data of a lowering: frozen, shown as tables and text, stages by name."""

import dataclasses

import pytest
from tinygrad import Tensor

from labs.errors import LoweringError
from labs.lowering import lower


@pytest.fixture(scope="module")
def low():
    return lower(Tensor.empty(32, 32).softmax(-1))


def test_graph_is_topological_and_connected(low):
    graph = low.uop_graph
    assert [n.id for n in graph.nodes] == list(range(len(graph.nodes)))
    assert all(source < user for source, user in graph.edges)
    used = {source for source, _ in graph.edges}
    assert used == {n.id for n in graph.nodes[:-1]}  # everything leads to the result
    assert {"BUFFER", "REDUCE", "EXP2"} <= {n.op for n in graph.nodes}


def test_graph_nodes_carry_shape_device_and_argument(low):
    buffer = next(n for n in low.uop_graph.nodes if n.op == "BUFFER")
    assert buffer.device == "CPU" and buffer.dtype == "float" and buffer.shape == (1024,)
    reduce = next(n for n in low.uop_graph.nodes if n.op == "REDUCE")
    assert reduce.arg == "MAX, 1 axis" and "REDUCE MAX" in reduce.label


def test_realized_buffers_are_marked():
    graph = lower(Tensor([1.0, 2.0]).realize() + 1).uop_graph
    assert [n.realized for n in graph.nodes if n.op == "BUFFER"] == [True]


def test_frozen(low):
    with pytest.raises(dataclasses.FrozenInstanceError):
        low.target = "X"


def test_tables(low):
    assert len(low.table().rows) == len(low.schedule)
    assert "FLOP" in str(low) and "<table" in low._repr_html_()
    assert len(low.uop_graph.table().rows) == len(low.uop_graph.nodes)
    kernel = low.kernels[0]
    assert f"{kernel.flop / 1000:.4g}"[:4] in str(kernel.estimates())


def test_stage_of_one_kernel_and_of_all(low):
    assert len(low.kernels) == 3
    one, both = low.stage("source", 0), low.stage("source")
    assert one.text == low.kernels[0].source
    assert all(k.name in both.text and k.source in both.text for k in low.kernels)
    assert low.stage("optimised AST", 0).note == "; ".join(low.kernels[0].applied_opts)


def test_stage_html_folds_long_text_and_escapes(low):
    html = low.stage("disassembly")._repr_html_()
    assert "more lines</summary>" in html
    assert "&lt;" in low.stage("source")._repr_html_()
    assert "<table" in low.stage("schedule")._repr_html_()


def test_a_missing_binary_is_a_reason():
    stage = lower(Tensor.empty(4) + 1, "METAL").stage("binary")
    if not stage.text:
        assert stage.note and stage.note[-10:] in stage._repr_html_()


@pytest.mark.parametrize("name", ["nonsense", "", None, 3])
def test_unknown_stage(low, name):
    with pytest.raises(LoweringError, match="UOp graph"):
        low.stage(name)


@pytest.mark.parametrize("kernel", [3, -1, "first", 0.5])
def test_unknown_kernel(low, kernel):
    with pytest.raises(LoweringError, match="from 0 to 2"):
        low.stage("source", kernel)


def test_repr_is_no_wall_of_text(low):
    assert len(repr(low.kernels[0])) < 1500 and "<table" in low.kernels[0]._repr_html_()
