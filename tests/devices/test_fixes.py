"""One command per device and system, or an honest "none"."""

import shlex

import pytest

from labs import backends
from labs.devices import fixes
from labs.devices.names import known_devices

DEBIAN = {"ID": "debian"}


@pytest.fixture
def system(monkeypatch):
    """Sets the operating system that the advice is for."""

    def choose(platform: str, release: dict | None = None, machine: str = "x86_64", gpus=()):
        monkeypatch.setattr(fixes.sys, "platform", platform)
        monkeypatch.setattr(fixes.platform, "freedesktop_os_release", lambda: release or {})
        monkeypatch.setattr(fixes.platform, "machine", lambda: machine)
        monkeypatch.setattr(fixes, "gpu_vendors", lambda: tuple(gpus))

    return choose


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
@pytest.mark.parametrize("device", known_devices())
def test_every_device_has_an_answer_on_every_system(system, platform, device):
    system(platform, DEBIAN)
    assert fixes.fix_for(device, "some reason")


@pytest.mark.parametrize(
    ("release", "family"),
    [
        ({"ID": "debian"}, "debian"),
        ({"ID": "ubuntu", "ID_LIKE": "debian"}, "debian"),
        ({"ID": "linuxmint", "ID_LIKE": "ubuntu debian"}, "debian"),
        ({"ID": "fedora"}, "fedora"),
        ({"ID": "rocky", "ID_LIKE": "rhel centos fedora"}, "fedora"),
        ({"ID": "opensuse-tumbleweed", "ID_LIKE": "opensuse suse"}, "suse"),
        ({"ID": "endeavouros", "ID_LIKE": "arch"}, "arch"),
        ({"ID": "nixos"}, ""),
        ({}, ""),
    ],
)
def test_the_family_of_a_distribution(release, family):
    assert fixes.linux_family(release) == family


@pytest.mark.parametrize(
    ("release", "begins"),
    [
        ({"ID": "debian"}, "sudo apt-get install -y mesa-vulkan-drivers"),
        ({"ID": "fedora"}, "sudo dnf install -y mesa-vulkan-drivers"),
        ({"ID": "arch"}, "sudo pacman -S --needed vulkan-swrast"),
        ({"ID": "suse"}, "sudo zypper install -y libvulkan_lvp"),
        ({"ID": "nixos"}, "install Mesa's Vulkan drivers"),
    ],
)
def test_a_vulkan_driver_per_distribution(system, release, begins):
    system("linux", release)
    assert fixes.fix_for("WEBGPU", "Dawn needs a Vulkan driver").startswith(begins)


def test_a_missing_package_is_a_pip_command(system):
    system("linux", DEBIAN)
    assert "dawn-python" in fixes.fix_for("WEBGPU", "the package dawn-python is not installed")
    assert shlex.split(fixes.fix_for("CPU", ""))[-1] == "ziglang"
    assert "pocl-binary-distribution" in fixes.fix_for("CL", "no driver")
    system("linux", DEBIAN, machine="aarch64")
    assert fixes.fix_for("CL", "no driver").startswith("sudo apt-get install -y pocl-opencl-icd")


def test_an_environment_of_uv_has_no_pip(system, monkeypatch):
    system("linux", DEBIAN)
    monkeypatch.setattr(fixes.importlib.util, "find_spec", lambda name: None)
    assert fixes.fix_for("CPU", "").startswith("uv pip install --python ")


@pytest.mark.parametrize(
    ("platform", "device", "gpus", "text"),
    [
        ("linux", "METAL", (), "macOS only"),
        ("darwin", "CUDA", (), "macOS has no NVIDIA drivers"),
        ("linux", "CUDA", ("AMD",), "no NVIDIA GPU"),
        ("linux", "AMD", ("NVIDIA",), "no AMD GPU"),
        ("win32", "AMD", (), "needs Linux"),
        ("linux", "NULL", (), "render kernels only"),
        ("linux", "WARP", (), "not a device"),
    ],
)
def test_where_nothing_can_be_done_that_is_said(system, platform, device, gpus, text):
    system(platform, DEBIAN, gpus=gpus)
    fix = fixes.fix_for(device, "its driver is missing")
    assert fix.startswith(fixes.NOTHING) and text in fix


def test_a_gpu_without_its_driver_gets_the_command(system, monkeypatch):
    monkeypatch.setattr(fixes.Path, "exists", lambda self: False)  # not in a container
    reason = "NVIDIA's driver library (libcuda) is not installed"
    system("linux", DEBIAN, gpus=("NVIDIA",))
    assert fixes.fix_for("CUDA", reason) == "sudo apt-get install -y nvidia-driver"
    system("linux", {"ID": "ubuntu", "ID_LIKE": "debian"}, gpus=("NVIDIA",))
    assert fixes.fix_for("CUDA", reason) == "sudo ubuntu-drivers install"
    monkeypatch.setattr(fixes.Path, "exists", lambda self: str(self) == "/.dockerenv")
    assert "--gpus all" in fixes.fix_for("CUDA", reason)


def test_a_driver_without_its_compiler_gets_the_package(system):
    system("linux", DEBIAN, gpus=("NVIDIA",))
    reason = "AttributeError: failed to load library nvrtc: try setting NVRTC_PATH?"
    assert "nvidia-cuda-nvrtc-cu12" in fixes.fix_for("CUDA", reason)
    assert "CUDA is the one" in fixes.fix_for("NV", "StopIteration")


def test_an_amd_gpu_that_may_not_be_opened_needs_a_group(system):
    system("linux", DEBIAN, gpus=("AMD",))
    assert "usermod" in fixes.fix_for("AMD", "no permission to use AMD's compute driver")
    assert fixes.fix_for("AMD", "AMD's compute driver is not there") == "sudo modprobe amdgpu"


def test_a_renderer_that_is_not_there_is_not_mended_by_a_package(system):
    system("linux", DEBIAN)
    fix = fixes.fix_for("CPU", "CPU has no renderer 'NOPE'")
    assert "unset DEV" in fix and "pip" not in fix


def test_the_courses_own_devices_need_packages_only(system):
    system("linux", DEBIAN)
    assert fixes.fix_for("ELECTRICAL", "no C compiler: none found").endswith(" ziglang")
    fix = fixes.fix_for("EDGE", "the package unicorn is not installed")
    assert fix.endswith(" ziglang unicorn pyelftools")
    assert "this is a bug" in fixes.fix_for("EDGE", "AttributeError: no")


def test_a_readers_own_backend_is_for_the_reader_to_mend(system):
    system("linux", DEBIAN)
    backends.register("MINE", "ops_mine", check=False)
    try:
        fix = fixes.fix_for("MINE", "NotImplementedError: _alloc")
        assert "correct ops_mine" in fix and "reload_backend('MINE')" in fix
    finally:
        backends.unregister("MINE")
