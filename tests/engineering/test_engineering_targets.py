import pytest

from labs.engineering import targets
from labs.engineering.targets import Target, parse_target, resolve_targets
from labs.errors import DeviceError, LabError


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("cpu", Target("CPU", "CPU")),
        ("CPU:0", Target("CPU", "CPU")),
        ("CUDA:1", Target("CUDA:1", "CUDA:1")),
        ("cpu:x86", Target("CPU:X86", "CPU")),
    ],
)
def test_parse_then_indices_are_devices_and_renderers_are_variants(name, target):
    assert parse_target(name) == target
    assert target.is_variant == ("X86" in target.name)


def test_compiling_then_the_renderer_is_another_inside_and_its_own_after():
    from tinygrad import Device

    own = type(Device["CPU"].renderer).__name__
    with Target("CPU:X86", "CPU").compiling():
        assert type(Device["CPU"].renderer).__name__ == "X86Renderer"
    assert type(Device["CPU"].renderer).__name__ == own


def test_variants_when_the_first_does_not_work_then_the_next(monkeypatch):
    monkeypatch.setattr(targets, "why_not", lambda name: "too old" if "LLVM" in name else "")
    assert targets.usable_variants(["CPU", "CL", "CUDA"]) == ("CPU:X86", "CUDA:PTX")


def test_resolve_when_a_renderer_is_not_there_then_says_why():
    with pytest.raises(DeviceError, match="measure CPU alone") as caught:
        resolve_targets(["CPU:NOSUCH"])
    assert caught.value.got


def test_resolve_when_a_device_is_unknown_then_the_known_ones():
    with pytest.raises(DeviceError, match="CPU"):
        resolve_targets(["TOASTER"])


def test_resolve_when_none_is_named_then_refused():
    with pytest.raises(LabError, match="at least one"):
        resolve_targets([])


def test_resolve_then_each_once():
    assert resolve_targets(["CPU", "cpu", "CPU:0"]) == (Target("CPU", "CPU"),)
