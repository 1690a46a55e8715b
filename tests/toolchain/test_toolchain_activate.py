"""activate() in fresh processes: what it sets, what it leaves alone, and that it is safe."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from labs.paths import PROJECT_ROOT
from labs.toolchain import MARKER, Toolchain, activate, describe

SHOW = """
import json, os, sys
from labs import toolchain
tools = toolchain.activate()
assert toolchain.activate() is tools
assert "tinygrad" not in sys.modules, "activate() must not import tinygrad"
print(json.dumps({
    "set": dict(tools.environment), "origin": tools.compiler and tools.compiler.origin,
    "notes": tools.notes, "environ": dict(os.environ), "reasons": dict(tools.reasons)}))
"""
OURS = ("CC", "DEV", "CACHEDB", "OPENCL_PATH", "PYOPENCL_HOME", "OCL_ICD_VENDORS", "WEBGPU_PATH")


def start(code: str, home: Path, **variables: str) -> subprocess.Popen:
    environ = {k: v for k, v in os.environ.items() if k not in OURS and k != MARKER}
    environ |= {"COURSE_HOME": str(home), "PYTHONPATH": str(PROJECT_ROOT), **variables}
    command = [sys.executable, "-c", code]
    return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finish(process: subprocess.Popen) -> str:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err.decode()
    return out.decode()


def shown(home: Path, **variables: str) -> dict:
    return json.loads(finish(start(SHOW, home, **variables)))


def test_what_is_set_is_recorded_and_in_the_environment(tmp_path):
    answer = shown(tmp_path)
    assert answer["set"]["DEV"] == "CPU"
    assert Path(answer["set"]["CACHEDB"]).parent == tmp_path / "cache"
    for name, value in answer["set"].items():
        assert answer["environ"][name] == value


def test_the_users_variables_win(tmp_path):
    users = {
        "DEV": "PYTHON",
        "CACHEDB": str(tmp_path / "mine" / "k.db"),
        "OPENCL_PATH": "/mine/libOpenCL.so",
        "WEBGPU_PATH": "/mine/libdawn.so",
    }
    answer = shown(tmp_path, **users)
    assert not users.keys() & answer["set"].keys()
    assert "OCL_ICD_VENDORS" not in answer["set"]  # the drivers go with the library
    for name, value in users.items():
        assert answer["environ"][name] == value


def test_a_cc_that_cannot_work_is_replaced_with_a_note(tmp_path):
    answer = shown(tmp_path, CC="/no/such/gcc")
    assert answer["origin"] != "CC" and answer["set"]["CC"] != "/no/such/gcc"
    assert any("/no/such/gcc" in note for note in answer["notes"])


def test_a_child_takes_what_its_parent_set_for_ours_not_for_the_users(tmp_path):
    first = shown(tmp_path)
    second = shown(tmp_path, **first["set"], **{MARKER: first["environ"][MARKER]})
    assert second["origin"] == first["origin"]
    assert second["set"] == first["set"]


def test_a_variable_changed_between_parent_and_child_is_the_users(tmp_path):
    first = shown(tmp_path)
    changed = {**first["set"], "DEV": "PYTHON", MARKER: first["environ"][MARKER]}
    second = shown(tmp_path, **changed)
    assert second["environ"]["DEV"] == "PYTHON" and "DEV" not in second["set"]


def test_several_processes_at_once_agree_and_leave_nothing_behind(tmp_path):
    running = [start(SHOW, tmp_path) for _ in range(6)]
    answers = [json.loads(finish(process)) for process in running]
    assert all(answer["set"] == answers[0]["set"] for answer in answers)
    leftovers = [p for p in (tmp_path / "cache" / "toolchain").rglob(".*") if p.is_file()]
    assert not leftovers


def test_a_state_folder_that_cannot_be_made_is_a_clear_error(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    process = start("from labs import toolchain; toolchain.activate()", blocked / "home")
    _, err = process.communicate(timeout=60)
    assert process.returncode != 0
    assert b"ToolchainError" in err and b"COURSE_HOME" in err


@pytest.mark.slow
def test_tinygrad_computes_with_what_was_found_even_when_imported_before(tmp_path):
    code = """
from tinygrad import Tensor
from labs import toolchain
tools = toolchain.activate()
import tinygrad.helpers, os
assert tinygrad.helpers.CACHEDB == tools.environment["CACHEDB"]
assert (Tensor([1.0, 2.0]) * 2).tolist() == [2.0, 4.0]
assert os.path.exists(tools.environment["CACHEDB"])
print(Tensor([1]).device, tools.notes)
"""
    assert finish(start(code, tmp_path)).strip() == "CPU ()"


@pytest.mark.slow
def test_too_late_for_the_kernel_cache_is_said(tmp_path):
    code = """
import os
os.environ["DEV"] = "PYTHON"
os.environ["XDG_CACHE_HOME"] = os.environ["COURSE_HOME"]
from tinygrad import Tensor
from tinygrad.helpers import db_connection
db_connection()
from labs import toolchain
print(toolchain.activate().notes)
"""
    assert "which may hold kernels of another compiler" in finish(start(code, tmp_path))


def test_the_table_names_every_part():
    text = str(describe())
    for part in ("C compiler", "OpenCL", "WebGPU", "NVRTC", "kernel cache"):
        assert part in text
    assert "<table" in activate()._repr_html_()


def test_a_missing_part_shows_its_reason():
    names = ("compiler", "opencl", "webgpu", "cuda")
    tools = Toolchain(None, None, None, None, {}, {n: f"no {n} here" for n in names}, ("a note",))
    text = str(tools.table())
    assert all(f"no {name} here" in text for name in names) and "a note" in text


def test_a_relative_state_folder_does_not_follow_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answer = shown(Path("state"))
    for name in ("CC", "CACHEDB"):
        assert Path(answer["set"].get(name, "/")).is_absolute()


def test_a_cache_without_a_folder_is_warned_about(tmp_path):
    assert any("names no folder" in note for note in shown(tmp_path, CACHEDB="k.db")["notes"])
