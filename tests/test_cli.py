import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys

import pyperf
import pytest

from labs import cli
from labs.paths import PROJECT_ROOT

COMMANDS = [
    *("lab", "test", "doctor", "bench", "compare", "conformance", "validate"),
    *("check", "hint", "progress", "build"),
]


def course(*arguments: str, **variables: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "labs.cli", *arguments],
        capture_output=True,
        text=True,
        env=os.environ | variables,
        cwd=PROJECT_ROOT,
        timeout=120,
    )


def test_help_then_every_command_is_there_and_nothing_heavy_is_imported():
    code = (
        "import sys, json; from labs import cli\n"
        "try: cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    for command in COMMANDS:
        assert re.search(rf"\n    {command}\s", answer.stdout)
    loaded = set(json.loads(answer.stderr))
    assert not loaded & {"tinygrad", "numpy", "matplotlib", "ipywidgets", "IPython", "jupyterlab"}


@pytest.mark.parametrize("command", COMMANDS)
def test_command_help_then_status_0(command, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main([command, "--help"])
    assert caught.value.code == 0
    assert f"usage: course.py {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ([], "COMMAND"),
        (["lob"], "invalid choice: 'lob'"),
        (["doctor", "--fast"], "unknown arguments for doctor: --fast"),
        (["hint"], "required: id"),
        (["bench", "--rounds", "many"], "invalid int value"),
    ],
)
def test_main_when_the_line_is_wrong_then_status_2_and_says_what(line, words, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(line)
    assert caught.value.code == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    "line",
    [
        ["compare", "no-such-file.json", "other.json"],
        ["hint", "9.99"],
        ["check", "9.99"],
        ["bench", "--device", "TOASTER", "--suite", "tiny"],
        ["bench", "--device", "CPU", "--suite", "no-such-suite"],
        ["build", "--check", "99_no_such_notebook"],
    ],
    ids=" ".join,
)
def test_main_when_the_reader_can_mend_it_then_status_2_and_the_next_step(line, capsys):
    assert cli.main(line) == 2
    out, err = capsys.readouterr()
    assert "Next:" in err or "Expected:" in err
    assert "Traceback" not in err
    assert out == ""


def test_main_when_interrupted_then_130(monkeypatch, capsys):
    def interrupt(options):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_progress", interrupt)
    assert cli.main(["progress"]) == 130
    assert "Interrupted" in capsys.readouterr().err


def test_test_then_pytest_gets_the_line_as_it_is():
    answer = course("test", "-q", "--collect-only", "tests/test_units.py", "-k", "no_such_name")
    assert answer.returncode == 5  # pytest's "nothing collected"
    assert answer.stdout.rstrip().splitlines()[-1].startswith("no tests collected")


@pytest.mark.parametrize(
    ("line", "together"),
    [
        ("", True),
        ("-q -m slow", True),
        ("-k conformance", True),
        ("tests/test_units.py", False),
        ("tests/test_units.py::test_x", False),
        ("-n 0", False),
        ("-n4", False),
        ("--pdb", False),
        ("-s", False),
    ],
)
def test_side_by_side_when_tests_are_named_or_debugged_then_in_one_process(
    line, together, monkeypatch
):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    options = cli.side_by_side(line.split())
    assert bool(options) == together
    assert not together or options[:2] == ("-n", "2")


def test_side_by_side_when_xdist_is_missing_then_in_one_process(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert cli.side_by_side([]) == ()


def test_test_then_the_readers_progress_stays_out_of_it(tmp_path):
    (tmp_path / "test_it.py").write_text(
        "import os\ndef test_it():\n    assert 'test-progress' in os.environ['COURSE_STATE']\n"
    )
    answer = course("test", "-q", str(tmp_path / "test_it.py"), COURSE_STATE="/precious.sqlite")
    assert answer.returncode == 0, answer.stdout


def test_progress_when_its_reader_stops_reading_then_no_traceback(tmp_path):
    command = f"{shlex.quote(sys.executable)} -m labs.cli progress | head -1"
    variables = os.environ | {"COURSE_STATE": str(tmp_path / "p.sqlite")}
    answer = subprocess.run(
        command, shell=True, capture_output=True, text=True, env=variables, cwd=PROJECT_ROOT
    )
    assert answer.stdout.count("\n") == 1
    assert answer.stderr == ""


@pytest.mark.slow
def test_bench_then_a_pyperf_file_that_is_not_overwritten_and_compares_with_itself(tmp_path):
    file, copy = (str(tmp_path / name) for name in ("a.json", "b.json"))
    short = ["--device", "CPU", "--suite", "tiny", "--rounds", "2", "--round-time", "0.01"]
    answer = course("bench", *short, "--json", file)
    assert answer.returncode == 0, answer.stderr
    assert "matmul" in answer.stdout
    assert f"Saved in {file}" in answer.stderr
    assert len(pyperf.BenchmarkSuite.load(file)) == 4
    again = course("bench", *short, "--json", file)
    assert again.returncode == 2
    assert "the results of a finished run" in again.stderr
    shutil.copy(file, copy)
    answer = course("compare", file, copy)
    assert answer.returncode == 0, answer.stderr
    assert "not resolved" in answer.stdout


@pytest.mark.slow
def test_doctor_json_then_the_shape_that_machines_read():
    answer = course("doctor", "--json")
    assert answer.returncode == 0, answer.stderr
    devices = json.loads(answer.stdout)["devices"]
    assert {"CPU", "PYTHON", "NULL"} <= {device["device"] for device in devices}
    for device in devices:
        assert set(device) == {"device", "usable", "reason", "fix", "capabilities"}
