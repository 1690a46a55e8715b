"""labs.charts.roofline: points under roofs, with labels that keep clear of each other."""

from types import SimpleNamespace

import pytest
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from labs.bench.statistics import Interval
from labs.charts.roofline import point_places, roofline_chart
from labs.errors import ResultError


def roof(kind, dtype, value, datasheet=None, name=""):
    return SimpleNamespace(
        kind=kind, dtype=dtype, name=name or dtype, value=value, interval=None, datasheet=datasheet
    )


def roofs(memory, *compute, modelled=False, source=""):
    def pick(dtype, matrix_units=False):
        found = [r for r in compute if r.dtype == dtype and (r.kind == "matrix") == matrix_units]
        return found[0] if found else None

    return SimpleNamespace(
        memory=memory, compute=pick, roofs=tuple(r for r in (memory, *compute) if r),
        device_name="a processor", modelled=modelled, sheet=SimpleNamespace(source=source),
        ridge_point=lambda: (compute[0].value / memory.value, None) if compute else None,
    )  # fmt: skip


@pytest.fixture
def made(make):
    def made(points, the_roofs, device="CPU", failures=(), modelled=False):
        placements = []
        for label, intensity, gflop, word in points:
            rate = gflop * 1e9
            m = make.measurement(f"{label}/n=1/float32/cold/device", device, 1e-3, clock="device",
                                 modelled=modelled)  # fmt: skip
            placements.append(
                SimpleNamespace(
                    label=label,
                    intensity=intensity,
                    flop_per_s=rate,
                    bytes_per_s=3e9,
                    flop_per_s_interval=Interval(rate * 0.9, rate * 1.1),
                    bound_by=word,
                    dtype="float32",
                    work=SimpleNamespace(uses_matrix_units=False),
                    fraction=0.5,
                    modelled=modelled,
                    time=m,
                )  # fmt: skip
            )
        return SimpleNamespace(
            placements=tuple(placements), roofs=the_roofs, device=device, failures=failures
        )

    return made


MEMORY = roof("memory", "float32", 25e9, name="triad")
COMPUTE = roof("arithmetic", "float32", 100e9)
POINTS = (
    ("add", 0.1, 2.0, "memory"),
    ("exp", 3.9, 40.0, "not resolved"),
    ("softmax", 4.1, 41.0, "compute"),
    ("matmul", 85.0, 30.0, "compute"),
    ("tiny", 0.1, 0.01, "launch"),
)


def labels(chart, names):
    return [t for t in chart.figure.axes[0].texts if t.get_text() in names]


def test_chart_when_drawn_then_the_points_are_the_data(made):
    chart = roofline_chart(made(POINTS, roofs(MEMORY, COMPUTE)))
    drawn = {
        (float(line.get_xdata()[0]), float(line.get_ydata()[0]))
        for line in chart.figure.axes[0].lines
        if len(line.get_xdata()) == 1
    }
    assert {(i, g * 1e9) for _, i, g, _ in POINTS} <= drawn
    assert chart.figure.axes[0].get_xlabel() == "Arithmetic intensity (FLOP/B, log scale)"
    assert chart.figure.axes[0].get_ylabel() == "Throughput (GFLOP/s, log scale)"


def test_chart_when_points_lie_close_then_their_labels_do_not_overlap(made):
    crowd = [(f"workload {i}", 4 + i / 100, 40 + i / 10, "compute") for i in range(8)]
    chart = roofline_chart(made(crowd, roofs(MEMORY, COMPUTE)))
    chart.figure.draw_without_rendering()
    found = labels(chart, {n for n, *_ in crowd})
    boxes = [Text.get_window_extent(t) for t in found]  # without the line to the point
    assert len(boxes) == len(crowd)
    for i, a in enumerate(boxes):
        for b in boxes[i + 1 :]:
            assert not a.overlaps(b)


def test_chart_when_a_label_would_leave_the_axes_then_it_is_on_the_left(made):
    chart = roofline_chart(
        made(
            [*POINTS, ("a workload with a long name", 400.0, 60.0, "compute")],
            roofs(MEMORY, COMPUTE),
        )  # fmt: skip
    )
    axes = chart.figure.axes[0]
    box = labels(chart, {"a workload with a long name"})[0].get_window_extent()
    assert box.x1 <= axes.get_window_extent().x1


def test_title_when_verdicts_differ_then_all_are_said(made):
    chart = roofline_chart(made(POINTS, roofs(MEMORY, COMPUTE)))
    title = chart.figure.texts[0].get_text().replace("\n", " ")
    assert "add is bound by memory" in title
    assert "softmax and matmul are bound by compute" in title
    assert "tiny is bound by launch" in title and "exp is not resolved" in title
    assert title in chart.alt and "ridge point 4 FLOP/B" in chart.alt


def test_roofs_when_a_datasheet_is_there_then_dashed_and_labelled_with_its_source(made):
    memory = roof("memory", "float32", 2.9e12, 3.35e12, "copy")
    compute = roof("arithmetic", "float32", 60e12, 66.9e12)
    chart = roofline_chart(
        made([("add", 0.1, 200.0, "memory")], roofs(memory, compute, source="a datasheet"), "CUDA")
    )
    axes = chart.figure.axes[0]
    assert sum(line.get_linestyle() == "--" for line in axes.lines) == 2
    said = " ".join(t.get_text() for t in axes.texts)
    assert "3.35 TB/s, datasheet" in said and "66.9 TFLOP/s" in said and "measured" in said
    assert "Dashed: a datasheet." in chart.figure.texts[2].get_text().replace("\n", " ")


def test_roofs_when_there_is_no_datasheet_then_no_dashed_line(made):
    chart = roofline_chart(made(POINTS, roofs(MEMORY, COMPUTE)))
    assert not [line for line in chart.figure.axes[0].lines if line.get_linestyle() == "--"]


def test_chart_when_modelled_then_hollow_and_said(made):
    chart = roofline_chart(
        made(POINTS[:1], roofs(MEMORY, COMPUTE, modelled=True), "EDGE", modelled=True)
    )
    axes = chart.figure.axes[0]
    point = next(x for x in axes.lines if len(x.get_xdata()) == 1 and x.get_marker() == "o")
    assert to_rgb(point.get_markerfacecolor()) == (1, 1, 1)
    assert axes.get_ylabel().startswith("Modelled throughput")
    assert "model" in chart.figure.texts[2].get_text()


def test_chart_when_a_workload_has_no_arithmetic_then_it_is_named_below(made):
    chart = roofline_chart(made([*POINTS, ("transpose", 0, 0.0, "memory")], roofs(MEMORY, COMPUTE)))
    notes = chart.figure.texts[2].get_text().replace("\n", " ")
    assert "without arithmetic: transpose, 3 GB/s, 50% of the roof" in notes
    assert "not drawn: transpose" in chart.alt


def test_chart_when_nothing_can_be_drawn_then_said(made):
    with pytest.raises(ResultError, match="no memory roof"):
        roofline_chart(made(POINTS, roofs(None, COMPUTE)))
    with pytest.raises(ResultError, match="no such workload"):
        roofline_chart(made([("transpose", 0, 0.0, "memory")], roofs(MEMORY, COMPUTE)))


def test_places_when_asked_then_inside_the_image_and_in_order(made):
    roofline = made(POINTS, roofs(MEMORY, COMPUTE))
    places = point_places(roofline_chart(roofline), roofline)
    assert [p.label for p, _, _ in places] == [name for name, *_ in POINTS]
    assert all(0 < x < 1 and 0 < y < 1 for _, x, y in places)
    by_name = {p.label: (x, y) for p, x, y in places}
    assert by_name["add"][0] < by_name["matmul"][0]  # less intensity is farther left
    assert by_name["tiny"][1] > by_name["add"][1]  # less throughput is farther down
