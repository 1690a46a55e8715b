"""labs.charts.style: fixed, distinct, legible styles."""

from itertools import combinations

import pytest

from labs.charts import style

DEVICES = list(style._STYLES)
LAPTOP = ["CPU", "CL", "WEBGPU", "PYTHON"]


def test_every_device_of_tinygrad_and_of_the_course_has_its_own_style():
    tinygrads = {"METAL", "AMD", "NV", "CUDA", "HIP", "QCOM", "CL", "CPU", "DSP", "WEBGPU"}
    assert set(DEVICES) == tinygrads | {"PYTHON", "NULL", "ELECTRICAL", "EDGE"}


@pytest.mark.parametrize(("a", "b"), list(combinations(DEVICES, 2)))
def test_two_devices_differ_without_colour(a, b):
    first, second = style.device_style(a), style.device_style(b)
    assert first.marker != second.marker
    assert first.line != second.line


@pytest.mark.parametrize(("a", "b"), list(combinations(LAPTOP, 2)))
def test_the_devices_of_a_laptop_differ_in_grey(a, b):
    first, second = style.device_style(a).colour, style.device_style(b).colour
    assert style.contrast(first, second) > 1.2


def test_markers_stand_out_from_the_page():
    """The fill, or the dark edge drawn around it, has 3:1 against white (WCAG 1.4.11)."""
    for device in DEVICES:
        edge = style.marker_look(device)["markeredgecolor"]
        assert style.contrast(edge, "white") > 3
        assert style.contrast(style.device_style(device).colour, "white") > 2


@pytest.mark.parametrize("colour", [style.INK, style.MUTED, style.UNRESOLVED])
def test_text_colours_have_the_contrast_of_small_text(colour):
    assert style.contrast(colour, "white") >= 4.5


def test_known_luminances():
    assert style.luminance("white") == pytest.approx(1)
    assert style.luminance("black") == pytest.approx(0)
    assert style.contrast("white", "black") == pytest.approx(21)


def test_an_unknown_device_always_gets_the_same_style_with_a_marker_of_its_own():
    assert style.device_style("FPGA") == style.device_style("FPGA")
    assert style.device_style("FPGA").marker not in {s.marker for s in style._STYLES.values()}


def test_modelled_points_are_hollow():
    assert style.marker_look("EDGE", modelled=True)["markerfacecolor"] == "white"
    assert style.marker_look("EDGE")["markerfacecolor"] != "white"


def test_long_texts_are_broken_to_the_page_and_lose_no_word():
    text = "wide words " * 40
    lines = style.wrapped(text, 9).split("\n")
    assert len(lines) > 2
    assert " ".join(lines).split() == text.split()
    assert style.wrapped("", 9) == ""
