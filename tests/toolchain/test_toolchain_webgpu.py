"""Dawn and the Vulkan parts it needs: found, or the reason why not."""

from pathlib import Path

import pytest

from labs.toolchain import webgpu
from labs.toolchain.files import LINUX, Library

pytestmark = pytest.mark.skipif(not LINUX, reason="Dawn needs Vulkan on Linux only")


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with Dawn, a Vulkan loader and one driver, all of them empty files."""
    lib = tmp_path / "pydawn" / "lib"
    lib.mkdir(parents=True)
    for arch in ("x86_64", "aarch64"):
        (lib / f"libwebgpu_dawn_{arch}.so").touch()
    (lib / "libvulkan.so.1").touch()
    drivers = tmp_path / "icd.d"
    drivers.mkdir()
    (drivers / "lvp_icd.x86_64.json").write_text("{}")
    monkeypatch.setattr(webgpu, "package_dir", lambda name: lib.parent)
    monkeypatch.setattr(webgpu, "DRIVER_FOLDERS", (str(drivers),))
    monkeypatch.setattr(webgpu, "find_library", lambda name: None)
    monkeypatch.setattr(webgpu.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(webgpu.ctypes, "CDLL", _no_library)
    monkeypatch.setattr(Path, "home", classmethod(lambda cls: tmp_path / "nobody"))
    return lib, drivers


def _no_library(name):
    raise OSError(f"{name}: cannot open shared object file")


def test_all_there(machine):
    library, variables = webgpu.find_webgpu({"XDG_RUNTIME_DIR": "/run/user/1000"})
    assert library.note == "Vulkan drivers: lvp"
    assert variables == {"WEBGPU_PATH": str(machine[0] / "libwebgpu_dawn_x86_64.so")}


def test_mesa_gets_a_private_runtime_folder_where_there_is_none(machine):
    _, variables = webgpu.find_webgpu({})
    folder = Path(variables["XDG_RUNTIME_DIR"])
    assert folder.is_dir() and folder.stat().st_mode & 0o077 == 0


def test_without_the_loader(machine):
    (machine[0] / "libvulkan.so.1").unlink()
    reason, _ = webgpu.find_webgpu({})
    assert "libvulkan.so.1 is not installed" in reason


def test_without_a_driver(machine):
    (machine[1] / "lvp_icd.x86_64.json").unlink()
    reason, _ = webgpu.find_webgpu({})
    assert "needs a Vulkan driver" in reason


def test_without_dawn(machine, monkeypatch):
    monkeypatch.setattr(webgpu, "package_dir", lambda name: None)
    reason, variables = webgpu.find_webgpu({})
    assert "dawn-python" in reason and variables == {}


def test_on_a_machine_dawn_is_not_built_for(machine, monkeypatch):
    monkeypatch.setattr(webgpu.platform, "machine", lambda: "riscv64")
    assert webgpu.find_webgpu({})[0] == "dawn-python has no library for riscv64"


def test_the_users_dawn_wins(machine):
    chosen = {"WEBGPU_PATH": str(machine[0] / "mine.so"), "XDG_RUNTIME_DIR": "/run/user/1000"}
    library, variables = webgpu.find_webgpu(chosen)
    assert isinstance(library, Library) and library.origin == "user" and variables == {}


@pytest.mark.parametrize("variable", ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"])
def test_named_drivers_replace_the_folders(machine, tmp_path, variable):
    named = tmp_path / "swiftshader_icd.json"
    named.write_text("{}")
    assert webgpu.vulkan_drivers({variable: str(named)}) == (named,)
    assert webgpu.vulkan_drivers({variable: "/no/such.json"}) == ()


def test_added_drivers_come_first(machine, tmp_path):
    added = tmp_path / "extra_icd.json"
    added.write_text("{}")
    found = webgpu.vulkan_drivers({"VK_ADD_DRIVER_FILES": str(added)})
    assert [p.name for p in found] == ["extra_icd.json", "lvp_icd.x86_64.json"]
