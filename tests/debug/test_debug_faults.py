"""The broken backends of the conformance suite, and which tool finds what is wrong with each."""

import functools

import numpy as np
import pytest
from faults_found import FOUND, NOT_FOUND
from faulty.faults import FAULTS

from labs import backends
from labs.debug import bisect, first_mismatch, guard
from labs.paths import PROJECT_ROOT


def test_lists_then_every_fault_is_in_one_of_them():
    found = [name for names in FOUND.values() for name in names]
    assert sorted([*found, *NOT_FOUND]) == sorted(fault.device for fault in FAULTS)


def test_guard_when_freed_twice_then_a_device_that_would_not_say_so_is_spared(broken):
    from tinygrad import Device

    allocator = Device[broken("DOUBLEFREE")].allocator
    with guard("DOUBLEFREE") as g:
        block = allocator.alloc(512)
        allocator.free(block, 512)
        allocator.free(block, 512)
    assert [finding.kind for finding in g.findings] == ["double free"]
    assert len({id(block) for block in allocator.pool}) == len(allocator.pool)


@pytest.mark.slow
def test_first_mismatch_when_a_graph_replays_old_inputs_then_found(broken):
    from tinygrad import Tensor, TinyJit

    step = TinyJit(lambda a: ((a + 1).contiguous() * 2).realize())
    rows = np.arange(12, dtype=np.float32).reshape(4, 3)
    device = broken("JITSTALE")
    inputs = [Tensor(row, device=device).realize() for row in rows]
    results = [step(a).numpy() for a in inputs]
    assert first_mismatch(results[1], (rows[1] + 1) * 2) is None  # the one it was captured in
    assert "every element" in first_mismatch(results[2], (rows[2] + 1) * 2).hints


@pytest.mark.slow
@pytest.mark.parametrize("name", NOT_FOUND)
def test_not_found_then_it_is_so(name, broken, x):
    device = broken(name)
    assert bisect((x + 1).contiguous().log_softmax(0), device).same
    with guard(device) as g:
        (x.to(device) * 2).realize()
    assert g.report.clean


@functools.cache
def parts_of_notebook_02():
    """Part of a backend -> the text that a cell of the notebook writes."""
    import jupytext

    from labs.build.source import read_source
    from labs.grading.workbench import PARTS

    path = PROJECT_ROOT / "solutions" / "02_custom_backends.py"
    source = read_source(path.stem, path.read_text("utf-8"))
    heads = {part: f'%%writefile "{{mine.{part}}}"\n' for part in PARTS}
    return {
        part: cell.source.removeprefix(head)
        for cell in jupytext.reads(source.text, fmt="py:percent").cells
        for part, head in heads.items()
        if cell.source.startswith(head)
    }


@pytest.fixture
def notebook_device(tmp_path, monkeypatch):
    """make(letter): notebook 02's broken backend of that letter, made from its own cells."""
    from labs.grading.faulty import faulty
    from labs.grading.workbench import Workbench

    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    bench, made = Workbench("MINE"), []
    for part, text in parts_of_notebook_02().items():
        getattr(bench, part).write_text(text, "utf-8")

    def make(letter):
        name, _, file = faulty(letter, bench).partition("=")
        backends.register(name, file, check=False)
        made.append(name)
        return name

    yield make
    for name in made:
        backends.unregister(name)


@pytest.mark.slow
@pytest.mark.parametrize("letter", ["A", "B", "C", "D"])
def test_bisect_on_the_broken_backends_of_notebook_02_then_found(letter, notebook_device, x):
    from tinygrad import Tensor, Variable

    def cpu(values):
        return Tensor(values, device="CPU").realize()

    text, v = cpu(np.arange(9, dtype=np.uint8)), Variable("v", 1, 10)
    expression = {
        "A": lambda: text[1:6].contiguous() * 2,
        "B": lambda: text[:7] + 1,
        "C": lambda: cpu(np.float32([1, np.nan])).isnan().contiguous(),
        "D": lambda: x.flatten()[: v.bind(3)].sum(),
    }[letter]
    assert bisect(expression, "CPU", "PYTHON").same
    assert not bisect(expression, notebook_device(letter)).same
