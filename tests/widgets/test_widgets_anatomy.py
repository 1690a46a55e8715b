"""labs.widgets.anatomy: five parts, whose methods come from where, and their source."""

import pytest

from labs import widgets
from labs.widgets.anatomy import ROLES, members_of


class Base:
    def __init__(self):
        pass

    def kept(self):
        pass

    def replaced(self):
        pass

    def __repr__(self):
        return ""


class Middle(Base):
    def replaced(self):
        pass

    @property
    def size(self):
        return 0


class Mine(Middle):
    CONSTANT = 3

    def replaced(self):
        pass

    def __init__(self):
        pass

    @staticmethod
    def new():
        pass


def test_members_come_from_the_nearest_class_that_has_them():
    members = members_of(Mine)
    assert members.new == ("new",)
    assert members.overrides == {"replaced": "Middle", "__init__": "Base"}
    assert members.inherits == {"Middle": ("size",), "Base": ("kept",)}


@pytest.fixture(scope="module")
def panel():
    return widgets.backend_anatomy_widget("CPU")


@pytest.mark.parametrize("role", ROLES)
def test_each_part_shows_its_source(panel, role):
    panel.parts.value = role
    assert panel.part == role
    assert panel._classes[role].__name__ in panel.output.value
    assert "color: #" in panel.output.value


def test_what_the_device_overrides_is_told(panel):
    panel.parts.value = "Allocator"
    assert "overrides Allocator&#x27;s" in panel.output.value and "_copyin" in panel.output.value
    assert "The parts of CPU" in panel.table.value


def test_a_part_that_a_device_lacks_is_said():
    panel = widgets.backend_anatomy_widget("PYTHON", part="Compiler")
    missing = panel._classes["Compiler"] is None
    assert ("PYTHON has no Compiler" in panel.output.value) == missing


def test_the_courses_own_backends_are_offered(panel):
    assert {"ELECTRICAL", "EDGE"} <= set(panel.device.options)
    panel.device.value = "EDGE"
    assert "EdgeAllocator" in panel.table.value
    panel.device.value = "CPU"


def test_a_device_that_cannot_be_opened_says_why_and_the_next_one_works():
    panel = widgets.backend_anatomy_widget("NOSUCH")
    assert "Error" in panel.table.value and panel.output.value == ""
    panel.parts.value = "Program"  # nothing to show, nothing raised
    panel.device.value = "CPU"
    assert "CPUProgram" in panel.output.value


def test_without_a_front_end_table_and_source_are_there(panel):
    bundle = panel._repr_mimebundle_()
    assert "The parts of CPU" in bundle["text/html"] and "<pre" in bundle["text/html"]
    assert bundle["text/plain"].startswith("Backend anatomy: CPU")
