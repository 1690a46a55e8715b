import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from labs.bootstrap import install
from labs.bootstrap.install import ensure
from labs.bootstrap.state import Place, SetupError, find_fault, write_stamp

posix = pytest.mark.skipif(os.name == "nt", reason="signals to process groups are POSIX's")


def start(project, env):
    """course.py in a process group of its own, stopped at will."""
    command = [sys.executable, str(project / "course.py"), "doctor"]
    return subprocess.Popen(
        command,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for(process, words):
    text = ""
    while words not in text:
        letter = process.stderr.read(1)
        assert letter, text
        text += letter


def test_ensure_when_first_then_everything_is_there(finished):
    answer = json.loads((finished / "first-answer.json").read_text())
    assert answer["arguments"] == ["doctor", "--x"]
    assert answer["prefix"] == str(finished / ".venv")
    assert str(finished) in answer["path"]
    place = Place(finished, finished / ".venv")
    assert (place.site_packages / "alpha/data.txt").exists()
    assert (place.python.parent / ("course.exe" if os.name == "nt" else "course")).exists()
    assert not (place.work / "tmp").exists()
    steps = (finished / "first-progress.txt").read_text()
    assert "installing requirements.lock (2 packages) with pip ... " in steps
    assert steps.endswith("Set-up complete\n")


@posix
def test_ensure_when_the_path_has_spaces_and_umlauts_then_the_console_script_runs(finished):
    program = finished / ".venv/bin/course"
    answer = subprocess.run([program], capture_output=True, text=True)
    assert "cannot import name 'main' from 'labs.cli'" in answer.stderr  # ours prints on import
    assert json.loads(answer.stdout)["prefix"] == str(finished / ".venv")


def test_ensure_when_complete_then_nothing_is_written(place, installer):
    before = place.stamp.stat().st_mtime_ns
    ensure(place)
    assert place.stamp.stat().st_mtime_ns == before
    assert not place.log.exists() or place.log.stat().st_mtime_ns < before


def test_ensure_when_a_file_was_deleted_then_only_that_package_is_installed_again(
    installable, installer
):
    lost = installable.site_packages / "beta/data.txt"
    lost.unlink()
    kept = (installable.site_packages / "alpha/data.txt").stat().st_mtime_ns
    ensure(installable)
    assert lost.exists()
    assert find_fault(installable) is None
    assert (installable.site_packages / "alpha/data.txt").stat().st_mtime_ns == kept
    assert "Installing collected packages: beta\n" in installable.log.read_text()


def test_ensure_when_killed_between_files_then_continues(installable, installer):
    """What SIGKILL leaves: no stamp, a package without RECORD, another half removed."""
    write_stamp(installable, finished=False)
    packages = installable.site_packages
    (packages / "beta-1.0.dist-info/RECORD").unlink()
    (packages / "beta/data.txt").write_text("half")
    (packages / "alpha").rename(packages / "~lpha")
    ensure(installable)
    assert (packages / "beta/data.txt").read_text() == "data\n" * 100
    assert (packages / "alpha/data.txt").exists()
    assert not list(packages.glob("~*"))
    assert find_fault(installable) is None


def test_ensure_when_pip_itself_is_broken_then_it_is_replaced(installable, installer):
    shutil.rmtree(installable.site_packages / "pip/_internal")
    (installable.site_packages / "beta/data.txt").unlink()
    ensure(installable)
    assert (installable.site_packages / "beta/data.txt").exists()
    assert (installable.site_packages / "pip/_internal").exists()


def test_ensure_when_the_folder_was_moved_then_made_anew(installable, installer, tmp_path):
    moved = tmp_path / "anderswo é"
    installable.project.rename(moved)
    place = Place(moved, moved / ".venv")
    (place.venv / "old").write_text("from before")
    ensure(place)
    assert find_fault(place) is None
    assert not (place.venv / "old").exists()


def test_ensure_without_network_then_says_what_could_not_be_fetched_and_heals(
    installable, installer, monkeypatch
):
    (installable.site_packages / "beta/data.txt").unlink()
    with monkeypatch.context() as cut:
        cut.delenv("PIP_NO_INDEX")
        cut.delenv("PIP_FIND_LINKS")
        cut.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
        cut.setenv("PIP_RETRIES", "0")
        with pytest.raises(SetupError, match="a connection to the package index, to get beta"):
            ensure(installable)
    assert find_fault(installable).reason == "an earlier set-up did not finish"
    ensure(installable)
    assert find_fault(installable) is None


def test_ensure_when_a_download_is_not_what_the_lock_says_then_refused(installable, installer):
    lock = installable.lock.read_text()
    installable.lock.write_text(lock.replace("sha256:", "sha256:00000000", 1)[: len(lock)])
    shutil.rmtree(installable.site_packages / "alpha-1.0.dist-info")
    with pytest.raises(SetupError):
        ensure(installable)
    assert find_fault(installable) is not None


def test_ensure_when_other_packages_are_on_the_path_then_they_do_not_count(
    installable, installer, monkeypatch, tmp_path
):
    shutil.copytree(installable.site_packages / "beta", tmp_path / "other/beta")
    shutil.copytree(
        installable.site_packages / "beta-1.0.dist-info", tmp_path / "other/beta-1.0.dist-info"
    )
    (installable.site_packages / "beta/data.txt").unlink()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "other"))
    monkeypatch.setenv("PIP_USER", "1")
    monkeypatch.setenv("PIP_TARGET", str(tmp_path / "target"))
    ensure(installable)
    assert (installable.site_packages / "beta/data.txt").exists()


def test_ensure_when_the_disk_is_small_then_says_so_before_anything(project, installer):
    place = Place(project, project / ".venv")
    with pytest.raises(SetupError, match=r"Expected: .*GB free.*\n.*Got: .* GB\n.*COURSE_VENV"):
        ensure(place, space_needed=10**18)
    assert not place.venv.exists()


def test_ensure_when_the_folder_can_not_be_written_then_says_so(project, installer):
    (project / "file").write_text("in the way")
    with pytest.raises(SetupError, match="can be written to"):
        ensure(Place(project, project / "file/.venv"))


def test_ensure_when_course_venv_names_a_folder_with_other_things_then_it_is_kept(
    project, installer, tmp_path
):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/cat.jpg").write_text("meow")
    with pytest.raises(SetupError, match="something else in it"):
        ensure(Place(project, tmp_path / "photos"), space_needed=0)
    assert (tmp_path / "photos/cat.jpg").exists()


def test_ensure_when_debian_has_no_venv_then_names_the_package(project, installer, monkeypatch):
    monkeypatch.setattr(install, "_has_ensurepip", lambda: False)
    with pytest.raises(SetupError, match=r"apt install python3\.\d+-venv"):
        ensure(Place(project, project / ".venv"), space_needed=0)


@posix
@pytest.mark.slow
def test_ensure_when_killed_at_every_step_then_the_next_run_finishes(project, offline, course):
    for moment in ("creating", "adding pip", "installing requirements.lock"):
        process = start(project, offline)
        wait_for(process, moment)
        time.sleep(0.3)  # into the step: the kill may come at any time
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert find_fault(Place(project, project / ".venv")) is not None
    answer = course(project, "doctor")
    assert answer.returncode == 0, answer.stderr
    assert find_fault(Place(project, project / ".venv")) is None


@posix
def test_ensure_when_interrupted_then_says_how_to_continue(installable, offline):
    shutil.rmtree(installable.site_packages / "beta-1.0.dist-info")
    process = start(installable.project, offline)
    wait_for(process, "installing requirements.lock")
    os.killpg(process.pid, signal.SIGINT)
    message = process.stderr.read()
    assert process.wait() == 130
    assert "the same command continues it" in message
    assert "Traceback" not in message


@posix
def test_ensure_when_two_run_at_once_then_the_second_waits(installable, offline):
    shutil.rmtree(installable.site_packages / "beta-1.0.dist-info")
    first = start(installable.project, offline)
    wait_for(first, "installing requirements.lock")
    second = start(installable.project, offline)
    outputs = [process.communicate(timeout=60) for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), outputs
    assert f"setting up (process {first.pid}), waiting" in outputs[1][1]
    assert "installing" not in outputs[1][1]


@posix
def test_ensure_when_uv_is_there_but_fails_then_pip_does_it(
    installable, installer, monkeypatch, tmp_path, capsys
):
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/uv"
    program.write_text("#!/bin/sh\necho 'error: no index is configured here'\nexit 2\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{installer['PATH']}")
    (installable.site_packages / "beta/data.txt").unlink()
    ensure(installable)
    assert find_fault(installable) is None
    said = capsys.readouterr().err
    assert "no index is configured here" in said
    assert "Trying again with venv and pip." in said
