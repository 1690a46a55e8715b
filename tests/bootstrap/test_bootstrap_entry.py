import json


def test_course_help_when_nothing_is_set_up_then_it_sets_up_nothing(project, course):
    answer = course(project, "--help")
    assert answer.returncode == 0
    assert "course.py lab" in answer.stdout
    assert not (project / ".venv").exists()


def test_course_when_complete_then_silent_and_hands_the_line_over(finished, course):
    answer = course(finished, "compare", "a b.json", "--x=ü")
    assert answer.stderr == ""
    assert json.loads(answer.stdout)["arguments"] == ["compare", "a b.json", "--x=ü"]


def test_course_when_the_folder_it_runs_in_has_modules_then_they_do_not_count(
    finished, course, tmp_path
):
    (tmp_path / "labs").mkdir()
    (tmp_path / "labs/__init__.py").write_text("raise SystemExit('the wrong labs')")
    (tmp_path / "json.py").write_text("raise SystemExit('the wrong json')")
    answer = course(finished, cwd=tmp_path, env={"PYTHONPATH": ""})
    assert answer.returncode == 0, answer.stderr
    assert str(tmp_path) not in json.loads(answer.stdout)["path"]


def test_course_when_set_up_fails_then_status_2_and_no_traceback(project, course):
    (project / "requirements.lock").unlink()
    answer = course(project, "lab")
    assert answer.returncode == 2
    assert "get a complete copy of the course" in answer.stderr
    assert "Traceback" not in answer.stderr
