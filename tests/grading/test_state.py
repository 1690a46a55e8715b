"""The progress file: two writers, damage, foreign files, folders that can't be written."""

import os
import sqlite3
import subprocess
import sys
import threading

import pytest

from labs.grading import state as module
from labs.grading.state import State, state
from labs.paths import PROJECT_ROOT


def test_state_when_new_is_begun_and_kept(tmp_path):
    path = tmp_path / "a" / "p.sqlite"
    one = State(path)
    one.add_attempt("1.1", "failed", 0, 7)
    one.add_attempt("1.1", "passed", 3, 8)
    one.add_attempt("1.1", "failed", 0, None)
    one.set_prediction("p", 3.5, "GB/s")
    one.set_prediction("p", 4.5, "GB/s")
    assert one.add_hint("1.2", None, 3) == 1
    again = State(path)
    standings = again.standings()
    assert (standings["1.1"].status, standings["1.1"].attempts) == ("passed", 3)
    assert (standings["1.2"].status, standings["1.2"].hints) == ("not-attempted", 1)
    assert again.prediction("p") == (4.5, "GB/s") and again.prediction("q") is None
    assert again.take_note() == ""


def test_state_when_many_threads_write_loses_nothing(tmp_path):
    path = tmp_path / "p.sqlite"

    def write(number):
        one = State(path)
        for _ in range(10):
            one.add_attempt(f"1.{number}", "failed", 0, None)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(1, 5)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert [s.attempts for s in State(path).standings().values()] == [10] * 4


def test_state_when_two_processes_write_loses_nothing(tmp_path):
    path = tmp_path / "p.sqlite"
    code = (
        "import sys; from pathlib import Path; from labs.grading.state import State\n"
        "s = State(Path(sys.argv[1]))\n"
        "for _ in range(25): s.add_attempt('1.1', 'failed', 0, None); s.add_hint('1.1', None, 3)\n"
        "assert not s.take_note()"
    )
    command = [sys.executable, "-c", code, str(path)]
    environment = os.environ | {"PYTHONPATH": str(PROJECT_ROOT)}
    workers = [subprocess.Popen(command, env=environment) for _ in range(2)]
    assert [w.wait(timeout=60) for w in workers] == [0, 0]
    assert State(path).standings()["1.1"].attempts == 50


def test_state_when_two_kernels_meet_a_damaged_file_both_go_on(tmp_path):
    path = tmp_path / "p.sqlite"
    path.write_bytes(b"rubbish" * 1000)
    first, second = State(path), State(path)
    first.add_attempt("1.1", "passed", 3, None)
    second.add_attempt("1.2", "passed", 3, None)
    assert set(State(path).standings()) == {"1.1", "1.2"}
    assert len(list(tmp_path.glob("*.damaged-*"))) == 1


@pytest.mark.parametrize("damage", ["text", "torn", "version", "foreign", "no tables", "columns"])
def test_state_when_damaged_is_moved_aside_and_begun_anew(tmp_path, damage):
    path = tmp_path / "p.sqlite"
    State(path).add_attempt("1.1", "passed", 3, None)
    if damage == "text":
        path.write_text("this is not a database, and long enough to have a header" * 50)
    elif damage == "torn":
        content = path.read_bytes()
        path.write_bytes(content[:100] + b"\xff" * (len(content) - 100))
    else:
        statements = {
            "version": "PRAGMA user_version = 99",
            "foreign": "PRAGMA user_version = 0",
            "no tables": "DROP TABLE attempts",
            "columns": "ALTER TABLE attempts RENAME COLUMN status TO other",
        }
        with sqlite3.connect(path) as db:
            db.execute(statements[damage])
        db.close()
    path.with_name("p.sqlite-journal").write_bytes(b"")
    one = State(path)
    one.add_attempt("1.2", "passed", 3, None)
    note = one.take_note()
    assert set(one.standings()) == {"1.2"} and set(State(path).standings()) == {"1.2"}
    (kept,) = tmp_path.glob("*.damaged-*")
    assert kept.name in note and "new one was begun" in note
    assert one.take_note() == ""  # said once


def test_state_when_empty_is_begun(tmp_path):
    path = tmp_path / "p.sqlite"
    path.touch()
    one = State(path)
    one.add_hint("1.1", 2, 3)
    assert one.standings()["1.1"].hints == 2 and one.take_note() == ""


def test_state_when_the_folder_cannot_be_made_works_in_memory_and_says_so(tmp_path):
    (tmp_path / "file").touch()
    one = State(tmp_path / "file" / "p.sqlite")
    one.add_attempt("1.1", "passed", 3, None)
    one.set_prediction("p", 1.0, "s")
    assert one.standings()["1.1"].status == "passed" and one.prediction("p") == (1.0, "s")
    for _ in range(2):
        assert "not kept after this kernel ends" in one.take_note()


def test_state_when_it_is_a_folder_works_in_memory(tmp_path):
    one = State(tmp_path)
    one.add_attempt("1.1", "passed", 3, None)
    assert one.standings() and "not kept" in one.take_note()


def test_state_when_another_program_holds_the_file_does_not_wait_for_ever(tmp_path, monkeypatch):
    path = tmp_path / "p.sqlite"
    State(path).add_attempt("1.1", "passed", 3, None)
    monkeypatch.setattr(module, "BUSY_TIMEOUT_S", 0.05)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    one = State(path)
    one.add_attempt("1.2", "passed", 3, None)
    # what could be read stays visible, and the file is left alone
    assert set(one.standings()) == {"1.1", "1.2"} and "locked" in one.take_note()
    holder.execute("ROLLBACK")
    holder.close()
    assert set(State(path).standings()) == {"1.1"}


def test_state_when_the_file_is_read_only_shows_what_is_there(tmp_path):
    path = tmp_path / "p.sqlite"
    State(path).add_attempt("1.1", "passed", 3, None)
    path.chmod(0o444)
    if os.access(path, os.W_OK):
        pytest.skip("this user may write everything; run the tests as an ordinary user")
    one = State(path)
    one.add_attempt("1.2", "passed", 3, None)
    assert set(one.standings()) == {"1.1", "1.2"} and "not kept" in one.take_note()


def test_state_follows_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_STATE", str(tmp_path / "x.sqlite"))
    assert state().path == tmp_path / "x.sqlite" and state() is state()
    monkeypatch.delenv("COURSE_STATE")
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "home"))
    assert state().path == tmp_path / "home" / "progress.sqlite"


def test_state_when_the_course_folder_cannot_be_made_still_works(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.delenv("COURSE_STATE")
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "file" / "home"))
    state().add_attempt("1.1", "passed", 3, None)
    assert "not kept" in state().take_note()
