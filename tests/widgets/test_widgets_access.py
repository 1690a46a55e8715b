"""labs.widgets.access: every choice shows its lanes, and errors stay in the panel."""

import pytest

from labs import widgets


@pytest.fixture(scope="module")
def panel():
    return widgets.access_explorer(stride=2, targets=["CPU"])


def test_start_then_the_lanes_with_efficiency_and_source(panel):
    html = panel.output.value
    assert "32 lanes touch 8 sectors where 4 would do: efficiency 50%" in html
    assert "the whole kernel" in html and "data1" in html
    assert panel._repr_mimebundle_()["text/html"] == html
    assert "strided on CUDA:sm_90, efficiency 66.7%" in panel.static_text()


def test_stride_when_moved_then_more_sectors(panel):
    panel.stride.value = 8
    assert "touch 32 sectors" in panel.output.value
    panel.stride.value = 2


def test_sliders_when_the_pattern_has_none_then_disabled(panel):
    assert not panel.stride.disabled and panel.offset.disabled
    panel.pattern.value = "misaligned"
    assert panel.stride.disabled and not panel.offset.disabled
    assert "touch 5 sectors" in panel.output.value
    panel.pattern.value = "strided"


def test_target_when_a_processor_then_lines(panel):
    panel.target.value = "CPU"
    assert "16 lanes touch 2 lines" in panel.output.value
    panel.target.value = "CUDA:sm_90"


def test_access_when_another_is_chosen_then_drawn(panel):
    panel.access.value = 1
    assert "The store of data0" in panel.output.value
    panel.access.value = 0


def test_options_when_the_optimisers_then_named(panel):
    panel.options.value = panel.options.options[1]
    assert "UPCAST" in panel.output.value
    panel.options.value = panel.options.options[0]


def test_a_target_that_is_unknown_then_an_error_in_the_panel():
    panel = widgets.access_explorer(target="ABACUS")
    assert "Error" in panel.output.value and panel.analysis is None
    assert "can't be analysed" in panel.static_text()
