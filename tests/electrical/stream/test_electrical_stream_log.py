"""The log survives what happens to its process."""

import os
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest

from labs.electrical.stream.log import VerdictLog, read_log
from labs.errors import LabError, ResultError
from labs.paths import PROJECT_ROOT


@dataclass(frozen=True)
class Row:
    name: str
    value: float
    status: str = "PASS"


def write(path, *values):
    log = VerdictLog(path)
    for value in values:
        log.write("row", row=Row("u", value))
    log.close()


def test_read_log_when_written_then_rows_and_verdict_come_back(tmp_path):
    path = tmp_path / "a.jsonl"
    log = VerdictLog(path, "always")
    log.write("row", row=Row("Urms ½", np.float32(230.5)))
    log.write("row", row=Row("thd", float("nan"), "INVALID"))
    log.write("verdict", verdict={"status": "INVALID", "notes": ("a", "b")})
    log.close()
    found = read_log(path)
    assert found.rows == (
        {"name": "Urms ½", "value": 230.5, "status": "PASS"},
        {"name": "thd", "value": None, "status": "INVALID"},
    )
    assert found.verdict == {"status": "INVALID", "notes": ["a", "b"]}
    assert found.notes == () and not found.torn


@pytest.mark.parametrize("lost", [1, 2, 30, 60])
def test_read_log_when_the_last_line_is_torn_then_the_others_are_there(tmp_path, lost):
    path = tmp_path / "a.jsonl"
    write(path, 1.0, 2.0)
    path.write_bytes(path.read_bytes()[:-lost])
    found = read_log(path)
    whole = 2 if lost == 1 else 1  # only the end of the line is missing
    assert [r["value"] for r in found.rows] == [1.0, 2.0][:whole]
    assert found.torn == (lost > 1) and len(found.notes) == (lost > 1)
    write(path, 3.0)  # continued: the torn line harms no other
    assert [r["value"] for r in read_log(path).rows] == [1.0, 2.0][:whole] + [3.0]


def test_read_log_when_a_bit_is_flipped_then_that_line_is_left_out(tmp_path):
    path = tmp_path / "a.jsonl"
    write(path, 1.0, 2.0, 3.0)
    lines = path.read_bytes().split(b"\n")
    lines[1] = lines[1].replace(b"2.0", b"9.0")
    path.write_bytes(b"\n".join(lines))
    found = read_log(path)
    assert [r["value"] for r in found.rows] == [1.0, 3.0]
    assert found.notes == ("line 2 is damaged; left out",)


def test_read_log_when_it_isnt_a_log_then_nothing_but_notes(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(os.urandom(4096) + b"\n{}\n[1]\n")
    found = read_log(path)
    assert found.entries == () and found.notes


def test_read_log_when_there_is_none_then_says_so(tmp_path):
    with pytest.raises(ResultError, match="check the path"):
        read_log(tmp_path / "none")


def test_log_when_the_folder_is_missing_then_says_so(tmp_path):
    with pytest.raises(LabError, match="folder that exists"):
        VerdictLog(tmp_path / "no" / "a.jsonl")


CHILD = """
import sys
from labs.electrical.stream.log import VerdictLog
log = VerdictLog(sys.argv[1], "never")
n = 0
while True:
    log.write("row", row={"value": n})
    print(n, flush=True)
    n += 1
"""


def test_log_when_the_process_is_killed_then_every_row_it_told_of_is_there(tmp_path):
    path = tmp_path / "a.jsonl"
    command = [sys.executable, "-c", CHILD, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=PROJECT_ROOT) as child:
        told = [int(child.stdout.readline()) for _ in range(50)]
        child.kill()  # -9, by its id
        told += [int(line) for line in child.stdout if line.endswith(b"\n")]
    values = [r["value"] for r in read_log(path).rows]
    assert values[: len(told)] == told and len(values) <= len(told) + 1
