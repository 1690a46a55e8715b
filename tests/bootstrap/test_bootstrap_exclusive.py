import os
import subprocess
import sys
import threading

import pytest

from labs.bootstrap.exclusive import only_one


def test_only_one_when_its_holder_is_dead_then_taken_over(tmp_path, capsys):
    (tmp_path / "lock").write_text("999999")
    with only_one(tmp_path / "lock"):
        assert (tmp_path / "lock").read_text() == str(os.getpid())
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(os.name == "nt", reason="file descriptors are handed on only on POSIX")
def test_only_one_when_a_child_outlives_its_parent_then_it_still_holds(tmp_path, capsys):
    """An installer whose course.py was killed goes on writing: nobody may start beside it."""
    child = [sys.executable, "-c", "input()"]
    with only_one(tmp_path / "lock") as file:
        process = subprocess.Popen(child, stdin=subprocess.PIPE, pass_fds=[file])
    got = threading.Event()

    def second():
        with only_one(tmp_path / "lock"):
            got.set()

    thread = threading.Thread(target=second)
    thread.start()
    assert not got.wait(0.5)
    process.communicate(b"\n")
    assert got.wait(10)
    thread.join()
    assert "waiting for it" in capsys.readouterr().err
