"""labs.widgets.devices: choose what works, see why the rest doesn't."""

from dataclasses import replace

import pytest

from labs import widgets


def greyed(picker):
    return [row for row in picker.children if len(getattr(row, "children", ())) == 2]


def test_several_devices_are_chosen_by_ticking(discovery):
    picker = widgets.device_picker(multiple=True, discovery=discovery)
    assert picker.value == ("CPU",)  # PYTHON is offered, not chosen
    seen = []
    picker.observe(lambda change: seen.append(change["new"]), "value")
    picker.boxes["PYTHON"].value = True
    picker.boxes["CPU"].value = False
    assert seen == [("CPU", "PYTHON"), ("PYTHON",)]


def test_what_takes_minutes_is_offered_and_not_chosen(discovery):
    others = [replace(discovery[0], device=name) for name in ("ELECTRICAL", "EDGE")]
    shown = (*others, *discovery)
    picker = widgets.device_picker(multiple=True, discovery=shown)
    assert picker.value == ("ELECTRICAL", "CPU") and "EDGE" in picker.boxes


def test_one_device_is_chosen_by_a_radio_button(discovery):
    picker = widgets.device_picker(discovery=discovery)
    assert picker.value == "CPU"
    picker.radio.value = "PYTHON"
    assert picker.value == "PYTHON"
    picker.value = "CPU"
    assert picker.radio.value == "CPU"


@pytest.mark.parametrize("multiple", [True, False])
def test_unusable_devices_are_disabled_with_their_reason_and_fix(discovery, multiple):
    (row,) = greyed(widgets.device_picker(multiple=multiple, discovery=discovery))
    box, reason = row.children
    assert box.disabled and box.description == "CUDA" and not box.value
    assert "no driver &lt;libcuda&gt;" in reason.value
    assert "Fix: install the driver" in reason.value


def test_unusable_devices_cannot_be_chosen_at_the_start(discovery):
    assert widgets.device_picker(True, discovery, ["CUDA", "PYTHON"]).value == ("PYTHON",)
    assert widgets.device_picker(False, discovery, "CUDA").value == "CPU"


def test_nothing_usable_is_said(discovery):
    picker = widgets.device_picker(discovery=discovery[2:])
    assert picker.value is None
    assert "No device is usable" in picker.children[0].value


def test_without_a_front_end_the_choice_and_the_reasons_are_shown(discovery):
    picker = widgets.device_picker(multiple=True, discovery=discovery)
    bundle = picker._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert "[x] <b>CPU</b>" in bundle["text/html"]
    assert "CUDA: no driver &lt;libcuda&gt;" in bundle["text/html"]
    assert bundle["text/plain"] == "Devices chosen: CPU"
