"""What holds for the whole tree and is easily lost: one importer each, no addresses of this or that
machine, tests beside what they test.
"""

import ast
import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from labs.paths import PROJECT_ROOT

ROOMS_ALLOWED = {"matplotlib": "labs/charts", "ipywidgets": "labs/widgets"}
SOURCES = sorted((PROJECT_ROOT / "labs").rglob("*.py"))


def imported(text: str) -> set[str]:
    """The top packages a file imports, inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def relative(path: Path) -> str:
    return path.relative_to(PROJECT_ROOT).as_posix()


def tracked_files() -> list[Path]:
    command = ["git", "ls-files", "-z"]
    try:
        answer = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True)
    except OSError:
        pytest.skip("git is not installed: install git")
    if answer.returncode:
        pytest.skip("not a git checkout: git clone the course")
    paths = [PROJECT_ROOT / name for name in answer.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


@pytest.mark.parametrize(("package", "room"), ROOMS_ALLOWED.items())
def test_imports_then_one_room_has_the_package(package, room):
    users = {relative(path) for path in SOURCES if package in imported(path.read_text("utf-8"))}
    assert {user for user in users if not user.startswith(room + "/")} == set()


def test_imported_when_inside_a_function_then_found():
    text = "def f():\n    from matplotlib.figure import Figure\n    import ipywidgets.x as w\n"
    assert imported(text) == {"matplotlib", "ipywidgets"}


def test_sources_then_each_opens_with_what_it_is_for():
    bare = [
        relative(path)
        for path in SOURCES
        if not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]
    assert bare == []


def test_tests_then_their_names_are_unique():
    names = Counter(path.name for path in (PROJECT_ROOT / "tests").rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []


# homes anywhere, and wherever this copy of the course lies
ADDRESSES = re.compile(rf"(?:{re.escape(str(PROJECT_ROOT))}/|/tmp/pytest|/root/|/home/\w+/)")


def test_tracked_files_then_no_path_of_one_machine():
    """Generated outputs too: a traceback in a notebook would show its builder's folders."""
    found = []
    for path in tracked_files():
        if path.suffix in {".png", ".svg", ".gz"} or path == Path(__file__):
            continue
        text = path.read_text("utf-8", errors="replace")
        found += [f"{relative(path)}: {hit}" for hit in set(ADDRESSES.findall(text))]
    assert found == []


@pytest.mark.parametrize(
    "text", ['File "/root/x.py"', f"see {PROJECT_ROOT}/notes", "/home/ann/day4/labs"]
)
def test_addresses_when_there_then_found(text):
    assert ADDRESSES.search(text)
