"""The template: it opens from the first minute, says what to write next, and grows to the end."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from tinygrad import Device, Tensor

from labs import backends
from labs.backends import conformance
from labs.backends.framework import TEMPLATE, from_template
from labs.errors import DeviceError
from labs.paths import PROJECT_ROOT

pytestmark = pytest.mark.usefixtures("unregister_after")

WORKED = PROJECT_ROOT / "solutions" / "backends" / "ops_worked.py"
# the order of work, as the template's docstring tells it: what is written in each step
STEPS = (
    (),
    ("Allocator._alloc", "Allocator._free"),
    ("Allocator._copyin", "Allocator._copyout"),
    ("Allocator._offset",),
    ("Compiler.compile",),
    ("Program.__init__", "Program.__call__"),
    ("Renderer.square_root", "Renderer.truncate"),
)
HOLES = tuple(hole for step in STEPS for hole in step)
# of the suite: what tells the steps apart, and is quick
GROUPS = (
    "open",
    "allocator",
    "copy",
    "views",
    "compiler",
    "launch",
    "unary/sqrt/*",
    "unary/relu/*",
)


def renamed(text: str, old: str, new: str) -> str:
    for word in (str.lower, str.upper, str.capitalize):
        text = text.replace(word(old), word(new))
    return text


def methods(text: str, name: str) -> dict[str, tuple[int, int]]:
    """ "Allocator._alloc" -> its first and last line, decorators included, from 1."""
    found = {}
    for kind in ast.parse(text).body:
        if isinstance(kind, ast.ClassDef) and kind.name.startswith(name):
            for item in kind.body:
                if isinstance(item, ast.FunctionDef):
                    first = min([item.lineno, *(d.lineno for d in item.decorator_list)])
                    key = f"{kind.name.removeprefix(name)}.{item.name}"
                    found[key] = (first, item.end_lineno)
    return found


def at_step(name: str, step: int) -> str:
    """The worked backend with the holes of all later steps as the template has them."""
    worked = renamed(WORKED.read_text("utf-8"), "worked", name)
    template = from_template(name)
    holes, lines = methods(template, name.capitalize()), worked.splitlines()
    theirs = template.splitlines()
    later = [hole for s in STEPS[step + 1 :] for hole in s]
    places = methods(worked, name.capitalize())
    for hole in sorted(later, key=lambda h: -places[h][0]):
        (a, b), (c, d) = places[hole], holes[hole]
        lines[a - 1 : b] = theirs[c - 1 : d]
    helper = template[template.index("def to_write(") : template.index("# ****")]
    return "\n".join([*lines, "", "", helper])


def test_template_when_copied_then_registers_and_opens_at_once(tmp_path):
    file = tmp_path / "ops_fresh.py"
    file.write_text(from_template("FRESH"))
    backends.register("FRESH", file)
    opened = Device["FRESH"]
    assert type(opened).__name__ == "FreshDevice" and opened.renderer.has_threads is False
    assert type(opened.compiler).__name__ == "FreshCompiler"
    assert "TEMPLATE" not in file.read_text() and "Template" not in file.read_text()


def test_template_is_a_backend_itself():
    backends.register("TEMPLATE", "labs.backends.template.ops_template")
    assert type(Device["TEMPLATE"]).__name__ == "TemplateDevice"


def test_template_when_used_then_the_first_hole_names_itself_and_what_to_write():
    backends.register("TEMPLATE", "labs.backends.template.ops_template")
    with pytest.raises(MemoryError) as caught:  # tinygrad's word for an _alloc that failed
        Tensor([1.0, 2.0], device="TEMPLATE").realize()
    cause = caught.value.__cause__
    while cause.__cause__ is not None:
        cause = cause.__cause__
    assert isinstance(cause, NotImplementedError)
    assert "TemplateAllocator._alloc is not written yet: return a handle" in str(cause)
    assert "Then: TemplateAllocator._free" in str(cause)


def test_template_every_hole_has_a_docstring_and_raises_and_the_worked_answer_fills_it():
    text = TEMPLATE.read_text()
    tree = {
        f"{c.name.removeprefix('Template')}.{f.name}": f
        for c in ast.parse(text).body
        if isinstance(c, ast.ClassDef)
        for f in c.body
        if isinstance(f, ast.FunctionDef)
    }
    raising = {name for name, f in tree.items() if isinstance(f.body[-1], ast.Raise)}
    assert raising == set(HOLES)
    assert all(ast.get_docstring(tree[hole]) for hole in HOLES)
    assert set(HOLES) <= set(methods(WORKED.read_text(), "Worked"))
    assert all(part in ast.get_docstring(ast.parse(text)) for part in ("_alloc", "_offset", "1."))
    places = [text.index(f"class Template{part}(") for part in _PARTS]
    assert places == sorted(places)  # tinygrad's own order


_PARTS = ("Compiler", "Renderer", "Program", "Allocator", "Device")


def test_template_needs_nothing_of_the_course(tmp_path):
    file = tmp_path / "ops_alone.py"
    file.write_text(from_template("ALONE"))
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import ops_alone; print(sorted("
        "m for m in sys.modules if m.split('.')[0] == 'labs'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_template_when_filled_step_by_step_then_more_passes_each_time(tmp_path):
    passed, firsts = [], []
    for step in range(len(STEPS)):
        name = f"STEP{step}"
        file = tmp_path / f"ops_{name.lower()}.py"
        file.write_text(at_step(name, step), "utf-8")
        report = conformance.run(f"{name}={file}", groups=GROUPS)
        passed.append(report.passed)
        firsts.append(next((g.name for g in report.groups.values() if g.failed), ""))
        if step + 1 < len(STEPS):
            upcoming = [hole for s in STEPS[step + 1 :] for hole in s]
            said = {h for h in upcoming for f in report.failures if f"{h} is not wri" in f.message}
            assert STEPS[step + 1][0] in said, (step, said)  # the next thing to write is named
    assert passed == sorted(set(passed)), passed  # each step more than the last
    order = [g.partition("/")[0] for g in GROUPS]
    places = [order.index(first) if first else len(order) for first in firsts]
    assert places == sorted(places), firsts  # the first failing group moves down the list


@pytest.mark.slow
def test_the_worked_backend_then_passes_the_suite():
    report = conformance.run(f"WORKED={WORKED}", size="small")
    assert report.ok, str(report)
    assert report.passed > 400


def test_create_backend_from_template_when_the_file_is_there_then_keeps_it(tmp_path):
    framework = backends.CustomBackendFramework()
    new = framework.create_backend_from_template("mychip", tmp_path / "deep")
    assert new.file == tmp_path / "deep" / "ops_mychip.py" and new.module == "ops_mychip"
    assert backends.registered()["MYCHIP"] == "ops_mychip"
    assert new.next_step == "MychipAllocator._alloc" and f"MYCHIP={new.file}" in new.command
    assert "reload_backend('MYCHIP')" in str(new)
    new.file.write_text("mine")
    with pytest.raises(DeviceError, match="is there already"):
        framework.create_backend_from_template("MYCHIP", tmp_path / "deep")
    assert new.file.read_text() == "mine"


@pytest.mark.parametrize("name", ["CPU", "edge", "9x"])
def test_create_backend_from_template_when_the_name_is_taken_then_writes_nothing(tmp_path, name):
    with pytest.raises(DeviceError):
        backends.CustomBackendFramework().create_backend_from_template(name, tmp_path)
    assert list(Path(tmp_path).iterdir()) == []
