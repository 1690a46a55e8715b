"""The entry; what set-up does is tested in tests/bootstrap, course.py's part of it too."""

import ast
import json
import subprocess
import sys

import pytest

from labs.paths import PROJECT_ROOT

SOURCE = (PROJECT_ROOT / "course.py").read_text("utf-8")


def run_as(version: str, path: str = "") -> subprocess.CompletedProcess:
    """course.py as an older Python sees it, up to where it must stop."""
    code = (
        f"import sys; sys.version_info = {version}; sys.argv = ['course.py', 'lab']\n"
        f"exec(compile({SOURCE!r}, 'course.py', 'exec'), {{'__name__': '__main__'}})"
    )
    return subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, env={"PATH": path}
    )


def test_course_then_an_old_python_can_read_it():
    ast.parse(SOURCE, feature_version=(3, 6))


@pytest.mark.parametrize("version", ["(3, 6, 9, 'final', 0)", "(3, 10, 12, 'final', 0)"])
def test_course_when_python_is_too_old_then_says_what_to_do(version):
    answer = run_as(version)
    assert answer.returncode == 2
    assert "Expected: Python 3.11 or newer" in answer.stderr
    assert "Next:     install one" in answer.stderr


def test_course_when_a_newer_python_is_there_then_names_it(tmp_path):
    program = tmp_path / "python3.12"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    answer = run_as("(3, 9, 2, 'final', 0)", str(tmp_path))
    assert "Next:     python3.12 course.py lab\n" in answer.stderr


def test_course_then_it_and_its_room_import_only_the_standard_library():
    code = (
        f"import sys; sys.path.insert(0, {str(PROJECT_ROOT)!r}); before = set(sys.modules)\n"
        "import course, json\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(json.dumps(sorted(new - sys.stdlib_module_names)))"
    )
    answer = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True
    )
    assert json.loads(answer.stdout) == ["course", "labs"], answer.stderr
