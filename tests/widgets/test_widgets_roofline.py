"""labs.widgets.roofline: the panel driven from the kernel's side."""

import pytest

from labs.bench import Measurement, Round
from labs.bench.statistics import Interval
from labs.gpu.datasheet import Datasheet
from labs.gpu.kernel_work import KernelWork
from labs.gpu.roof_data import Roof, Roofs
from labs.gpu.roofline import Placement, Roofline
from labs.widgets.roofline import RooflinePanel


def placement(label, intensity, word):
    rounds = tuple(Round((1e-3 + i * 1e-5,), index=i) for i in range(3))
    time = Measurement(f"{label}/n=1/float32/cold/device", "CPU", "C", "device", "cold", rounds)
    work = KernelWork((f"kernel of {label}",), intensity * 1e6, 1e6, 2e6)
    return Placement(
        f"{label}:n=1,dtype=float32", label, "CPU", "float32", work, None, None, time, None, None,
        None, intensity, 1e9, 0.5, word, "because",
    )  # fmt: skip


@pytest.fixture
def roofline():
    memory = Roof("copy", "memory", "float32", 20e9, Interval(19e9, 21e9), "arrays")
    compute = Roof("float32", "arithmetic", "float32", 100e9, Interval(90e9, 110e9), "chains")
    sheet = Datasheet("a", reason="none")
    roofs = Roofs("CPU", "a processor", (memory, compute), "device", False, 1e-6, sheet)
    return Roofline((placement("add", 0.1, "memory"), placement("dot", 50, "compute")), roofs,
                    "cold")  # fmt: skip


def test_panel_when_it_has_a_roofline_then_every_point_answers(roofline, discovery):
    panel = RooflinePanel(roofline=roofline, discovery=discovery)
    html = panel.chart.value
    assert html.count("<details") == html.count("<summary") == 2
    assert 'title="add: ' in html and "bound by: compute" in html
    assert "kernel of add" in html and "kernel of dot" in html  # the tables that open
    assert 'alt="' in html
    assert panel.point.options == ("add", "dot")


def test_panel_when_another_point_is_chosen_then_its_numbers(roofline, discovery):
    panel = RooflinePanel(roofline=roofline, discovery=discovery)
    assert panel.selected is roofline[0] and "kernel of add" in panel.numbers.value
    panel.point.value = "dot"
    assert panel.selected is roofline[1] and "kernel of dot" in panel.numbers.value


def test_panel_when_there_is_no_front_end_then_chart_and_table_are_in_the_output(
    roofline, discovery
):
    bundle = RooflinePanel(roofline=roofline, discovery=discovery)._repr_mimebundle_()
    assert "data:image/png" in bundle["text/html"] and "Measured roofs" in bundle["text/html"]
    assert "Roofline of CPU" in bundle["text/plain"]


def test_panel_when_nothing_is_measured_then_it_names_the_call_that_does_the_same(discovery):
    panel = RooflinePanel(["add:n=16"], discovery=discovery)
    bundle = panel._repr_mimebundle_()
    assert "place([" in bundle["text/html"] and "add:n=16" in bundle["text/html"]
    assert "nothing measured yet" in bundle["text/plain"]


def test_specs_when_boxes_and_text_name_one_twice_then_once(discovery):
    panel = RooflinePanel(["add:n=16", "sum:n=16"], discovery=discovery)
    panel.boxes[1].value = False
    panel.own.value = "add:n=16; matmul:n=8 ;"
    assert panel.specs() == ("add:n=16", "matmul:n=8")


def test_run_when_a_workload_is_unknown_then_the_panel_says_so_and_keeps_the_last(
    roofline, discovery, wait
):
    panel = RooflinePanel(["addd:n=16"], roofline=roofline, discovery=discovery)
    panel.button.run.click()
    wait(panel.button)
    assert "addd:n=16" in panel.button.message.value
    assert panel.roofline is roofline


@pytest.mark.slow
def test_run_when_pressed_then_measured_in_a_process_of_its_own(roofline, discovery, wait):
    panel = RooflinePanel(
        ["add:n=16"], roofline=roofline, discovery=discovery, rounds=2, round_time_s=0.002
    )  # with the roofs of the first roofline, so that they needn't be measured
    panel.button.run.click()
    wait(panel.button)
    assert panel.button.error is None
    assert [p.label for p in panel.roofline] == ["add n=16"]
    assert panel.roofline.roofs.memory.value == 20e9
