"""Inside a real OpenHTF, where it is installed."""

import pytest

htf = pytest.importorskip("openhtf", reason="the optional package openhtf isn't installed")

from labs.electrical.limits import Limit, Requirement, Specification
from labs.electrical.report.openhtf import AsJudged, JudgedValue, validation_phase


@pytest.mark.parametrize(
    ("rows", "verdict", "outcome", "marginal"),
    [
        ([0], "PASS", "PASS", False),
        ([0, 1], "FAIL", "FAIL", None),
        ([0, 2], "INVALID", "FAIL", None),
        ([], "PASS", "FAIL", None),  # nothing was judged: not passed
    ],
)
def test_phase_then_the_outcome_is_the_verdict(made, rows, verdict, outcome, marginal):
    answer = made.result([made.rows[i] for i in rows], verdict, ["voltage"])
    limits = (Limit("urms", "V", 207.0, 253.0),)
    specification = Specification("s", (Requirement("voltage", "urms_half", ("u1",), limits),))
    asked = []
    phase = validation_phase(
        specification, lambda test: "unit.cfg", validate=lambda *a, **k: asked.append(a) or answer
    )
    records = []
    test = htf.Test(phase)
    test.add_output_callbacks(records.append)
    test.execute(test_start=lambda: "unit 1")
    assert asked == [(specification, "unit.cfg")]
    assert records[0].outcome.name == outcome
    phase_record = records[0].phases[-1]
    assert {"validation.json", "validation.html"} <= set(phase_record.attachments)
    measured = phase_record.measurements["voltage urms on u1"]
    assert measured.units.suffix == "V"
    assert str(measured.validators[0]) == "207 to 253 V, as the judge says"


def test_validator_then_only_what_was_judged_passes():
    judged = AsJudged()
    assert judged(JudgedValue(1.0, "PASS")) and judged(JudgedValue(1.0, "MARGINAL"))
    assert judged.is_marginal(JudgedValue(1.0, "MARGINAL"))
    assert not judged(JudgedValue(None, "INVALID")) and not judged(230.0)
