"""Which OpenCL is taken: the user's, the system's when it has a device, else PoCL from PyPI."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from labs.toolchain import opencl
from labs.toolchain.files import LINUX, Library

pytestmark = pytest.mark.skipif(not LINUX, reason="OpenCL drivers are chosen on Linux only")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "höme dir"))
    monkeypatch.setattr(opencl, "SYSTEM_VENDORS", tmp_path / "vendors")
    return tmp_path


@pytest.fixture
def pip(tmp_path, monkeypatch):
    """A package folder laid out as pyopencl and pocl-binary-distribution do it."""
    libs = tmp_path / "site packages" / "pyopencl" / ".libs"
    libs.mkdir(parents=True)
    (libs / "libOpenCL-1.so.1.0.0").touch()
    (libs / "libpocl-2.so").touch()
    monkeypatch.setattr(opencl, "package_dir", lambda name: libs.parent)
    return libs


def test_pocl_gets_its_variables_with_an_absolute_driver_path(pip):
    library, variables = opencl.find_opencl({}, [])
    assert library.origin == "pocl-binary-distribution"
    assert variables["OPENCL_PATH"] == str(pip / "libOpenCL-1.so.1.0.0")
    assert variables["PYOPENCL_HOME"] == str(pip.parent)
    listed = Path(variables["OCL_ICD_VENDORS"], "pocl.icd").read_bytes()
    assert listed == os.fsencode(f"{pip / 'libpocl-2.so'}\n") and listed.startswith(b"/")


def test_a_missing_driver_package_is_named(pip):
    (pip / "libpocl-2.so").unlink()
    reason, variables = opencl.find_opencl({}, [])
    assert "pocl-binary-distribution is not installed" in reason and variables == {}


def test_a_missing_loader_package_is_named(monkeypatch):
    monkeypatch.setattr(opencl, "package_dir", lambda name: None)
    reason, _ = opencl.find_opencl({}, [])
    assert "pyopencl is not installed" in reason


@pytest.mark.parametrize("name", opencl.USER_VARIABLES)
def test_a_users_choice_is_left_alone(pip, name):
    library, variables = opencl.find_opencl({name: "/mine"}, [])
    assert library.origin == "user" and variables == {}


def test_pyopencls_own_loader_gets_the_home_without_which_it_crashes(pip):
    _, variables = opencl.find_opencl({"OPENCL_PATH": str(pip / "libOpenCL-1.so.1.0.0")}, [])
    assert variables == {"PYOPENCL_HOME": str(pip.parent)}


@pytest.fixture
def system(home, monkeypatch):
    """A system with a loader and one driver, that isn't asked for devices."""
    opencl.SYSTEM_VENDORS.mkdir()
    driver = opencl.SYSTEM_VENDORS / "gpu.icd"
    driver.write_text("libgpu.so")
    loader = home / "libOpenCL.so.1"
    loader.write_bytes(b"not a library")
    monkeypatch.setattr(opencl, "find_library", lambda name: loader)
    return loader, driver


def test_a_system_driver_with_a_device_is_preferred(pip, system, monkeypatch):
    monkeypatch.setattr(opencl, "_check_system", lambda loader, drivers: "")
    library, variables = opencl.find_opencl({}, [])
    assert library.origin == "system" and "gpu" in library.note and variables == {}


def test_a_system_driver_without_a_device_is_passed_over_with_a_note(pip, system, monkeypatch):
    monkeypatch.setattr(opencl, "_check_system", lambda loader, drivers: "it lists no platform")
    notes = []
    library, _ = opencl.find_opencl({}, notes)
    assert library.origin == "pocl-binary-distribution"
    assert notes == ["the system's OpenCL is not used: it lists no platform"]


def test_a_loader_that_cannot_be_loaded_is_found_out_in_a_child_and_remembered(system, monkeypatch):
    loader, driver = system
    failure = opencl._check_system(loader, (driver,))
    assert "libOpenCL.so.1" in failure  # the dynamic linker's own words

    def never(*args, **kwargs):
        raise AssertionError("a process was started")

    monkeypatch.setattr(opencl.subprocess, "run", never)
    assert opencl._check_system(loader, (driver,)) == failure
    driver.write_text("another driver, of another size")
    with pytest.raises(AssertionError):
        opencl._check_system(loader, (driver,))


def test_the_childs_question_is_answered_by_a_real_loader(monkeypatch, tmp_path):
    monkeypatch.undo()
    library, variables = opencl.find_opencl({}, [])
    if not isinstance(library, Library) or library.origin == "user":
        pytest.skip("needs OpenCL: pip install pyopencl pocl-binary-distribution")
    command = [sys.executable, str(opencl.QUESTION), library.path]
    environ = {**os.environ, **variables}
    done = subprocess.run(command, env=environ, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    nothing = environ | {"OCL_ICD_VENDORS": str(tmp_path), "OCL_ICD_FILENAMES": ""}
    done = subprocess.run(command, env=nothing, capture_output=True, text=True)
    assert done.returncode == 1 and "lists no platform" in done.stderr
