"""The three suspects of notebook 04: the tools find what the judges expect, and nothing on CPU."""

import jupytext
import numpy as np
import pytest

from labs import debug
from labs.grading import suspects
from labs.grading.checks.nb04 import SUSPECTS
from labs.paths import PROJECT_ROOT


@pytest.fixture(scope="module")
def asked():
    """What the notebook runs on the suspects: its cells with that tag, executed."""
    from tinygrad import Tensor

    source = PROJECT_ROOT / "solutions" / "04_cross_device_engineering.py"
    found = {"np": np, "Tensor": Tensor}
    for cell in jupytext.read(source, fmt="py:percent").cells:
        if "suspects" in cell.metadata.get("tags", []):
            exec(cell.source, found)
    return found


@pytest.fixture(scope="module", autouse=True)
def registered():
    from labs import backends

    names = suspects.register()
    yield names
    for name in names:
        backends.unregister(name)


def test_alpha_then_bisect_finds_the_kernel_that_leaves_one_element_out(asked):
    steps = asked["steps"]
    found = debug.bisect(lambda: steps("CPU"), "ALPHA")
    want = SUSPECTS["4.5"]
    assert found.divergence.number == want["step"]
    assert found.divergence.mismatch.index == want["index"]
    assert "never written" in found.divergence.message
    assert found.steps > want["step"] + 1  # the error is made before the end


def test_bravo_then_the_results_are_right_and_a_guard_finds_the_write(asked):
    crests = asked["crests"]
    assert np.array_equal(crests("BRAVO").numpy(), crests("CPU").numpy())
    with debug.guard("BRAVO") as guarded:
        crests("BRAVO")
    (finding,) = guarded.findings
    want = SUSPECTS["4.6"]
    assert (finding.size_bytes, finding.bytes) == (want["buffer_bytes"], want["bytes_outside"])
    assert (finding.kind, finding.distance_bytes) == ("behind", 0)


def test_charlie_then_the_trace_ends_at_the_weak_channel(asked):
    scaled = asked["scaled"]
    found = debug.trace_nonfinite(lambda: scaled("CPU"), "CHARLIE")
    want = SUSPECTS["4.7"]
    assert (found.step, found.index, found.kind) == (want["step"], want["index"], "NaN")
    assert 0 < found.inputs[0].value < 1
    assert np.isnan(scaled("CHARLIE").numpy()).all()
    powers = (asked["record"] ** 2).mean(1)
    assert ((powers < 0.9) | (powers > 1.1)).all()  # the limit can be read off


@pytest.mark.parametrize("name", ["steps", "crests", "scaled"])
def test_cpu_then_no_tool_finds_anything(name, asked):
    expression = asked[name]
    assert np.isfinite(expression("CPU").numpy()).all()
    assert debug.trace_nonfinite(lambda: expression("CPU") + 0.0 * 1, "CPU") is None
    with debug.guard("CPU") as guarded:
        expression("CPU").realize()
    assert guarded.report.clean
