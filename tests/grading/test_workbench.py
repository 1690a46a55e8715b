"""A backend in parts: what is put together, in which order, and what the suite says of it."""

import sys

import pytest
from tinygrad import Tensor

from labs import backends
from labs.backends.framework import from_template
from labs.errors import DeviceError
from labs.grading.workbench import PARTS, Workbench, _renamed, _sections

ORDER = ("device", "allocator", "compiler", "program", "renderer")  # the notebook's
FEW = ("open/device", "allocator/size/8", "launch/first")


@pytest.fixture
def empty(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    return Workbench("EMPTY")


def test_sections_of_the_template_are_the_parts():
    assert set(_sections(from_template("X"))) == {"", *PARTS}


def test_renamed_keeps_words_that_only_contain_the_name():
    text = "class MineDevice: mine = 'MINE'; determine(1)"
    assert _renamed(text, "MINE", "PEAK") == "class PeakDevice: peak = 'PEAK'; determine(1)"


def test_source_when_nothing_is_written_has_no_device_and_the_templates_parts(empty):
    text = empty.source()
    assert "class EmptyDevice" not in text
    assert "class EmptyAllocator" in text and '"EmptyAllocator._alloc"' in text


def test_source_of_some_parts_takes_the_others_from_the_template(mine):
    text = mine.source(("device",))
    assert "class MineDevice" in text and '"MineAllocator._alloc"' in text
    assert "memmove" not in text and "memmove" in mine.source()


def test_source_has_the_parts_in_tinygrads_order(mine):
    text = mine.source()
    places = [text.index(f"class Mine{part.capitalize()}(") for part in PARTS]
    assert places == sorted(places)


@pytest.mark.slow
def test_after_each_part_more_passes_and_the_table_tells_it(mine):
    counts = [mine.after(*ORDER[:n], cases=FEW).passed for n in (0, 1, 2, 5)]
    assert counts == [0, 1, 2, 3]
    assert [row[1] for row in mine.table().rows] == [f"{n} of 3" for n in counts]


def test_after_with_an_unknown_part_refuses(empty):
    with pytest.raises(DeviceError, match="'queue'"):
        empty.after("queue")


def test_use_makes_a_device_and_again_after_an_edit(mine):
    assert mine.use() == mine.use() == "MINE"
    assert (Tensor([1.0, 2.0], device="MINE") + 1).tolist() == [2.0, 3.0]
    mine.renderer.write_text(f"{mine.renderer.read_text('utf-8')}\nEDITED = True\n", "utf-8")
    mine.use()
    assert sys.modules[backends.registered()["MINE"]].EDITED
    assert (Tensor([1.0, 2.0], device="MINE") + 1).tolist() == [2.0, 3.0]


def test_like_another_then_its_parts_serve_under_the_new_name(mine):
    other = Workbench("PEAK", like=mine)
    assert "class PeakDevice" in other.source() and "Mine" not in other.source()
    other.renderer.write_text("class PeakRenderer:\n    'a rule of PEAK'\n", "utf-8")
    assert "a rule of PEAK" in other.source() and "a rule of PEAK" not in mine.source()


@pytest.mark.parametrize("name", ["CPU", "3x", ""])
def test_a_name_that_no_backend_can_have_is_refused(name, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    with pytest.raises(DeviceError):
        Workbench(name)
