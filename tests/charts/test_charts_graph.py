"""labs.charts.graph: all of a small graph, the end of a large one."""

import pytest

from labs import charts
from labs.charts.graph import LARGEST
from labs.errors import LoweringError
from labs.lowering.model import Graph, Node


def node(number, op, arg=""):
    return Node(number, op, "float", (4,), "CPU", arg)


def small():
    ops = ("BUFFER", "CONST", "EXPAND", "MUL", "ADD")
    nodes = tuple(node(i, op) for i, op in enumerate(ops))
    return Graph(nodes, ((0, 3), (1, 2), (2, 3), (3, 4), (2, 4)))


def chain(length):
    nodes = tuple(node(i, "RESHAPE" if i % 3 == 1 else "ADD") for i in range(length))
    return Graph(nodes, tuple((i, i + 1) for i in range(length - 1)))


def boxes(chart):
    return [t for t in chart.figure.axes[0].texts if t.get_text()]


def arrows(chart):
    return [t for t in chart.figure.axes[0].texts if not t.get_text()]


def test_every_node_and_edge_of_a_small_graph_is_drawn():
    graph = small()
    chart = charts.uop_graph_chart(graph)
    assert sorted(t.get_text() for t in boxes(chart)) == sorted(n.label for n in graph.nodes)
    assert len(arrows(chart)) == len(graph.edges)


def test_data_flows_down_and_no_two_boxes_share_a_place():
    graph = small()
    chart = charts.uop_graph_chart(graph)
    places = {t.get_text(): t.get_position() for t in boxes(chart)}
    label = {n.id: n.label for n in graph.nodes}
    assert all(places[label[a]][1] > places[label[b]][1] for a, b in graph.edges)
    assert len(set(places.values())) == len(places)


def test_the_finding_counts_what_computes():
    chart = charts.uop_graph_chart(small())
    assert "5 UOps, of which 2 compute (MUL and ADD); the other 3 hold data" in chart.alt
    only = charts.uop_graph_chart(Graph((node(0, "BUFFER"),), ()))
    assert "1 UOps, none of which computes" in only.alt


def test_a_large_graph_is_folded_and_says_so():
    graph = chain(60)
    chart = charts.uop_graph_chart(graph)
    assert len(boxes(chart)) <= LARGEST
    notes = chart.figure.texts[-1].get_text().replace("\n", " ")
    assert "20 movement operations are folded" in notes
    assert "table has them all" in notes
    hidden = [t.get_text() for t in boxes(chart) if "earlier nodes" in t.get_text()]
    shown = len(boxes(chart)) - 1
    assert hidden == [f"{60 - 20 - shown} earlier nodes"]


def test_an_empty_graph_is_refused():
    with pytest.raises(LoweringError, match="at least one node"):
        charts.uop_graph_chart(Graph((), ()))
