"""The chart of a UOp graph: data flows down, one row per step of the longest way to it.

networkx finds the rows (topological generations) and checks the graph; the order inside a row and
the folding of large graphs are made here.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import networkx as nx
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.text import Text

from labs.charts.chart import Chart
from labs.charts.facts import join_words
from labs.charts.style import INK, MUTED, new_figure, styled
from labs.errors import LoweringError

LARGEST = 30  # nodes that can be read on one page
_DEEPEST = 14  # rows
_ROW_IN = 0.62
_ARG_CHARS = 22  # of an argument in a box; the table of the graph holds it in full

_MOVEMENT = frozenset(("RESHAPE", "EXPAND", "PERMUTE", "PAD", "SHRINK", "FLIP", "STACK", "MULTI"))
_DATA = frozenset(
    ("BUFFER", "BUFFER_VIEW", "PARAM", "CONST", "VCONST", "UNIQUE", "LUNIQUE", "DEVICE", "BIND")
)
_FILLS = {
    "data": ("#d5e8f5", "square,pad=0.3"),
    "computes": ("#ffe3b0", "round,pad=0.3"),
    "moves or reshapes": ("#eeeeee", "square,pad=0.3"),
    "folded": ("#ffffff", "round4,pad=0.3"),
}


@dataclass(frozen=True)
class _Box:
    text: str
    kind: str


@styled
def uop_graph_chart(graph: Any, *, largest: int = LARGEST) -> Chart:
    """The UOp graph of an expression, from its inputs (top) to its result (bottom).

    Args:
        graph: `Lowering.uop_graph`, or anything with nodes (id, op, label) and edges.
        largest: fold movement operations, then the parts farthest from the result, above this.
    """
    if not graph.nodes:
        raise LoweringError(
            "draw a UOp graph",
            expected="at least one node",
            got="an empty graph",
            next_step="lower an expression that isn't realized yet",
        )
    full = nx.DiGraph()
    boxes = {n.id: _Box(_text(n), _kind(n.op)) for n in graph.nodes}
    full.add_nodes_from(boxes)
    full.add_edges_from(graph.edges)
    drawn, boxes, note = _folded(full, boxes, largest)
    layers = _layers(drawn)
    places = _places(drawn, layers)
    title = _finding(graph)
    figure = new_figure(
        0.35 + _ROW_IN * len(layers),
        title=title,
        subtitle=f"UOp graph before scheduling · {len(graph.nodes)} nodes, {len(graph.edges)} edges"
        " · data flows downwards · nothing was run",
        notes=note,
    )
    axes = figure.add_subplot()
    axes.axis("off")
    axes.set_xlim(0, 1)
    axes.set_ylim(-len(layers) + 0.5, 0.5)
    width = max(len(layer) for layer in layers)
    size = 9 if width <= 5 else 8 if width <= 7 else 7
    texts = {node: _draw_box(axes, x, y, boxes[node], size) for node, (x, y) in places.items()}
    for source, user in drawn.edges:
        _draw_arrow(axes, places, texts, source, user)
    kinds = [k for k in _FILLS if any(b.kind == k for b in boxes.values())]
    patches = [Patch(facecolor=_FILLS[k][0], edgecolor=INK, linewidth=0.8, label=k) for k in kinds]
    axes.legend(handles=patches, loc="upper center", bbox_to_anchor=(0.5, 0), ncols=len(kinds))
    return Chart(figure, _alt(graph, title))


def _draw_box(axes: Axes, x: float, y: float, box: _Box, size: float) -> Text:
    fill, shape = _FILLS[box.kind]
    dashes = "--" if box.kind == "folded" else "-"
    style = {"boxstyle": shape, "facecolor": fill, "edgecolor": INK, "linewidth": 0.8}
    style["linestyle"] = dashes
    return axes.text(x, y, box.text, ha="center", va="center", fontsize=size, bbox=style, zorder=2)


def _draw_arrow(axes: Axes, places: Any, texts: Any, source: int, user: int) -> None:
    """From the edge of one box to the edge of the other."""
    ends = {"patchA": texts[source].get_bbox_patch(), "patchB": texts[user].get_bbox_patch()}
    look = {"arrowstyle": "-|>", "color": MUTED, "linewidth": 1.1, "shrinkA": 0, "shrinkB": 1}
    # above the boxes: these find their size when they are drawn, and the arrows end there
    axes.annotate("", places[user], places[source], arrowprops={**look, **ends}, zorder=3)


def _text(node: Any) -> str:
    first, *rest = node.label.split("\n")
    return "\n".join([first if len(first) <= _ARG_CHARS else first[: _ARG_CHARS - 1] + "…", *rest])


def _kind(op: str) -> str:
    if op in _MOVEMENT:
        return "moves or reshapes"
    return "data" if op in _DATA else "computes"


def _folded(
    full: nx.DiGraph, boxes: Mapping[int, _Box], largest: int
) -> tuple[nx.DiGraph, dict[int, _Box], str]:
    """A graph of at most `largest` nodes and `_DEEPEST` rows, and what was left out."""
    boxes = dict(boxes)
    if len(full) <= largest and len(_layers(full)) <= _DEEPEST:
        return full, boxes, ""
    small = full.copy()
    moves = [n for n in full if boxes[n].kind == "moves or reshapes"]
    for node in moves:  # its sources now feed its users
        pairs = [(s, u) for s in small.predecessors(node) for u in small.successors(node)]
        if not small.out_degree(node):
            continue  # the result itself
        small.remove_node(node)
        small.add_edges_from(pairs)
    folded_moves = len(full) - len(small)
    note = f"{folded_moves} movement operations are folded into the arrows." if folded_moves else ""
    hidden = _too_far(small, largest)
    if hidden:
        users = {u for n in hidden for u in small.successors(n)} - hidden
        small.remove_nodes_from(hidden)
        boxes[-1] = _Box(f"{len(hidden)} earlier nodes", "folded")
        small.add_node(-1)
        small.add_edges_from((-1, user) for user in users)
        note += f" The {len(hidden)} nodes farthest from the result are folded into one."
    return small, {n: boxes[n] for n in small}, f"{note} The graph's table has them all.".strip()


def _too_far(graph: nx.DiGraph, largest: int) -> set[int]:
    """The nodes to hide: by layers, counted from the result, and all that they are made from."""
    back = list(nx.topological_generations(graph.reverse()))
    kept: set[int] = set()
    for layer in back[: _DEEPEST - 1]:
        if kept and len(kept) + len(layer) > largest - 1:
            break
        kept.update(layer[: largest - 1])
    hidden = set(graph) - kept
    return hidden | {a for n in hidden for a in nx.ancestors(graph, n)}


def _layers(graph: nx.DiGraph) -> list[list[int]]:
    """Topological generations, with inputs moved down to just above their first user."""
    level = {n: i for i, layer in enumerate(nx.topological_generations(graph)) for n in layer}
    for node in graph:
        if not graph.in_degree(node) and graph.out_degree(node):
            level[node] = min(level[u] for u in graph.successors(node)) - 1
    layers: list[list[int]] = [[] for _ in range(max(level.values()) + 1)]
    for node in graph:
        layers[level[node]].append(node)
    return [layer for layer in layers if layer]


def _places(graph: nx.DiGraph, layers: Sequence[list[int]]) -> dict[int, tuple[float, float]]:
    """x in 0..1, y = minus the row; a node stands near the middle of what it is connected to."""
    gap = 1 / max(2, *(len(layer) for layer in layers), 0)
    x = {n: (i + 0.5) / len(layer) for layer in layers for i, n in enumerate(layer)}
    for sweep in range(8):  # the barycentre heuristic, upwards and downwards in turn
        upwards = sweep % 2 == 0
        for layer in reversed(layers) if upwards else layers:
            near = graph.successors if upwards else graph.predecessors
            wanted = {}
            for node in layer:
                others = [x[n] for n in near(node)]
                wanted[node] = sum(others) / len(others) if others else x[node]
            x.update(_spread(wanted, gap))
    return {n: (x[n], -float(row)) for row, layer in enumerate(layers) for n in layer}


def _spread(wanted: Mapping[int, float], gap: float) -> dict[int, float]:
    """The wanted places in their order, moved apart to at least `gap`, inside 0..1."""
    order = sorted(wanted, key=wanted.__getitem__)
    placed = [wanted[n] for n in order]
    for i in range(1, len(placed)):
        placed[i] = max(placed[i], placed[i - 1] + gap)
    shift = sum(wanted[n] for n in order) / len(order) - sum(placed) / len(placed)
    low, high = gap / 2 - placed[0], 1 - gap / 2 - placed[-1]
    shift = min(max(shift, low), max(high, low))
    return {n: p + shift for n, p in zip(order, placed, strict=True)}


def _finding(graph: Any) -> str:
    ops = Counter(n.op for n in graph.nodes if _kind(n.op) == "computes")
    total = len(graph.nodes)
    if not ops:
        return f"{total} UOps, none of which computes"
    names = [op if count == 1 else f"{count} {op}" for op, count in ops.most_common(5)]
    if len(ops) > 5:
        names.append(f"{len(ops) - 5} other kinds")
    verb = "computes" if ops.total() == 1 else "compute"
    text = f"{total} UOps, of which {ops.total()} {verb} ({join_words(names)})"
    rest = total - ops.total()
    return f"{text}; the other {rest} hold data or reshape it" if rest else text


def _alt(graph: Any, title: str) -> str:
    result = graph.nodes[-1]
    return f"UOp graph with {len(graph.edges)} edges, ending in {result.op}. {title}."
