"""The command line, which is also the child process of measure_isolated."""

from labs.bench.__main__ import main

QUICK = ["--rounds=2", "--round-time-s=0.01"]


def test_results_go_to_stdout_and_progress_to_stderr(capsys, tmp_path):
    path = tmp_path / "r.json"
    code = main(["sum:n=4", "--device=NULL", "--clock=device", f"--path={path}", *QUICK])
    said = capsys.readouterr()
    assert code == 0 and path.exists()
    assert "1 ms (model)" in said.out and "complete" in said.err


def test_wrong_arguments_end_with_2_and_say_what_would_be_right(capsys):
    assert main(["nothing", "--device=NULL"]) == 2
    assert "a suite (tiny, quick, day4, backends)" in capsys.readouterr().err


def test_nothing_measured_ends_with_1(capsys):
    assert main(["matmul:n=3000000", "--device=NULL", *QUICK]) == 1
    assert "failed" in capsys.readouterr().out
