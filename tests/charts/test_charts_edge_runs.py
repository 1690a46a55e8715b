"""labs.charts.edge_runs: three quantities apart, the modelled one hollow."""

from dataclasses import replace

import pytest
from matplotlib.colors import to_rgb

from labs import charts
from labs.backends.edge.runs import EdgeRun, EdgeRuns
from labs.errors import ResultError

SMALL = EdgeRun("r_32", "cortex-m4", "Os", 100_000, 900, 120_000, 7e-4, 9e-5, 1000, 40, 0.01)
FAST = replace(SMALL, level="O3", instructions=50_000, model_energy_j=5e-5, code_bytes=3000)
RISCV = replace(SMALL, core="rv32imac", instructions=2_000_000, model_energy_j=None)


def widths(axes):
    return [bar.get_width() for bar in axes.patches]


def test_each_quantity_has_a_panel_and_an_axis_of_its_own():
    chart = charts.edge_runs_chart({"-Os": SMALL, "-O3": FAST})
    code, count, energy = chart.figure.axes
    assert (widths(code), widths(count)) == ([1000, 3000], [100_000, 50_000])
    assert widths(energy) == pytest.approx([90, 50])
    assert [a.get_title(loc="left") for a in chart.figure.axes] == [
        "Code", "Instructions", "Energy (model)",
    ]  # fmt: skip
    assert energy.get_xlabel() == "Energy (µJ)" and count.get_xlabel() == "Executed (thousands)"
    assert [a.get_xlim()[0] for a in chart.figure.axes] == [0, 0, 0]


def test_only_what_comes_from_the_model_is_hollow():
    chart = charts.edge_runs_chart({"-Os": SMALL})
    fills = [to_rgb(a.patches[0].get_facecolor()) for a in chart.figure.axes]
    assert [f == (1, 1, 1) for f in fills] == [False, False, True]
    assert "Hollow, dashed: from the core's cost model" in chart.figure.texts[2].get_text()


def test_a_run_without_an_energy_says_so_in_its_place():
    chart = charts.edge_runs_chart({"M4": SMALL, "RISC-V": RISCV})
    energy = chart.figure.axes[2]
    assert len(energy.patches) == 1
    assert [t.get_text() for t in energy.texts] == ["90 µJ", "no figure"]
    assert "no figure for RISC-V" in chart.figure.texts[2].get_text()


def test_model_time_can_stand_in_the_third_panel():
    chart = charts.edge_runs_chart({"M4": SMALL, "RISC-V": RISCV}, model="time")
    assert widths(chart.figure.axes[2]) == pytest.approx([7e-4, 7e-4])
    with pytest.raises(ResultError, match="energy or time"):
        charts.edge_runs_chart({"M4": SMALL}, model="cycles")


def test_several_launches_are_summed_and_a_kernel_is_in_flash_once():
    runs = EdgeRuns([SMALL, SMALL, replace(SMALL, kernel="E_4", code_bytes=500)])
    chart = charts.edge_runs_chart({"all": runs})
    code, count, energy = chart.figure.axes
    assert (widths(code), widths(count)) == ([1500], [300_000])
    assert widths(energy) == pytest.approx([270])


def test_the_title_compares_with_the_first():
    chart = charts.edge_runs_chart({"-Os": SMALL, "-O3": FAST})
    title = "Against -Os, -O3 executes 0.5x the instructions from 3x the code"
    assert chart.figure.texts[0].get_text() == title
    assert title in chart.alt
    many = {"-Os": SMALL, "-O3": FAST, "a": SMALL, "RISC-V": RISCV}
    assert "Against -Os, RISC-V executes 20x" in charts.edge_runs_chart(many).alt


def test_nothing_to_draw_is_refused():
    with pytest.raises(ResultError, match="at least one labelled run"):
        charts.edge_runs_chart({})
    with pytest.raises(ResultError, match="at least one launch"):
        charts.edge_runs_chart({"none": EdgeRuns()})
