"""Validation as a phase of an OpenHTF test: a measurement for each requirement.

Needs the optional package: pip install day4-runtime-backends[openhtf].

    phase = validation_phase(load_limits("limits.yaml"), "record.cfg")
    test = htf.Test(phase)
    test.execute(test_start=lambda: "unit 17")

The judge decides, with hysteresis, marginal bands and limits that refer to other measurements, all
of which OpenHTF's own range check lacks: the value that OpenHTF records carries our status, and the
validator reads it. So the outcome can't be another than the report's.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from labs.electrical.report.json_form import json_text
from labs.electrical.report.result import ValidationResult
from labs.electrical.report.rows import (
    ORDER,
    Judged,
    by_requirement,
    is_number,
    limits_text,
    sentence,
    status_of,
)
from labs.electrical.threads import share_kernel_cache
from labs.errors import LabError

try:
    import openhtf as htf
    from openhtf.util import units as htf_units
    from openhtf.util.validators import ValidatorBase
except ImportError as error:
    raise LabError(
        "make an OpenHTF phase",
        expected="the package openhtf",
        got=f"{type(error).__name__}: {error}",
        next_step="python3 -m pip install openhtf",
    ) from error


_UNITS = {
    "V": "VOLT",
    "A": "AMPERE",
    "Hz": "HERTZ",
    "s": "SECOND",
    "%": "PERCENT",
    "W": "WATT",
    "dB": "DECIBEL",
}


class JudgedValue(float):
    """A requirement's worst value, with what the judge says of it."""

    status: str

    def __new__(cls, value: Any, status: str) -> "JudgedValue":
        made = super().__new__(cls, value if is_number(value) else float("nan"))
        made.status = status
        return made


class AsJudged(ValidatorBase):
    """Passes what the judge lets pass. A plain number, which nobody judged, fails."""

    def __init__(self, words: str = "as the judge says") -> None:
        self.words = words

    def __call__(self, value: Any) -> bool:
        return getattr(value, "status", "INVALID") in ("PASS", "MARGINAL")

    def is_marginal(self, value: Any) -> bool:
        return getattr(value, "status", "") == "MARGINAL"

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True)
class Declared:
    """One limit of a requirement, as a measurement of the test."""

    requirement: Any
    limit: Any

    @property
    def name(self) -> str:
        channel = "+".join(self.requirement.channels)
        return f"{self.requirement.name} {self.limit.quantity} on {channel}"

    def worst(self, rows: Iterable[Any]) -> Any:
        """Of the rows that were judged by this limit; None when there is none."""
        channel = "+".join(self.requirement.channels)
        mine = [
            r
            for r in rows
            if (r.name, r.channel) == (self.requirement.name, channel)
            and (r.quantity == self.limit.quantity or self.limit.covers(r.quantity))
        ]
        found = by_requirement(mine)
        return min((j.worst for j in found), key=lambda r: ORDER.index(status_of(r)), default=None)


def declare(specification: Any) -> tuple[Declared, ...]:
    """Every limit of every requirement, in the specification's order."""
    return tuple(Declared(r, limit) for r in specification.requirements for limit in r.limits)


def measurement(declared: Declared) -> "htf.Measurement":
    """Its declaration for OpenHTF."""
    limit = declared.limit
    words = "as the judge says"
    lower, upper = (b if isinstance(b, int | float) else None for b in (limit.lower, limit.upper))
    if lower is not None or upper is not None:
        said = limits_text(SimpleNamespace(lower=lower, upper=upper, unit=limit.unit))
        words = f"{said}, {words}"
    made = htf.Measurement(declared.name).with_validator(AsJudged(words))
    unit = _UNITS.get(limit.unit)
    return made.with_units(getattr(htf_units, unit)) if unit else made


def validation_phase(
    specification: Any,
    record: Any,
    *,
    name: str = "validate_record",
    validate: Callable[..., ValidationResult] | None = None,
    html: bool = True,
    **options: Any,
) -> Any:
    """A phase that validates a record, sets its measurements, and attaches the reports.

    Args:
        specification: of `load_limits`.
        record: a path, a Source, or a function of the phase's `test` that gives one of them: each
            run of the test has a record of its own.
        validate: `labs.electrical.validate.validate` when None.
        options: of `validate`, such as device.

    A record that can't be judged fails the measurements concerned; one that can't be read raises,
    which OpenHTF records as an error of the phase.
    """
    declared = declare(specification)

    @htf.PhaseOptions(name=name)
    @htf.measures(*(measurement(d) for d in declared))
    def phase(test: Any) -> Any:
        share_kernel_cache()  # a test has a thread of its own
        run = validate
        if run is None:
            from labs.electrical.validate import validate as run
        given = record(test) if callable(record) else record
        result = run(specification, given, **options)
        for limit in declared:
            worst = limit.worst(result.verdict.rows)
            if worst is not None:  # else it stays unset, which OpenHTF doesn't let pass
                test.measurements[limit.name] = JudgedValue(worst.value, status_of(worst))
        _say(test, result.requirements)
        test.attach("validation.json", json_text(result), "application/json")
        if html:
            from labs.electrical.report import html_report

            test.attach("validation.html", html_report(result), "text/html")
        # a verdict on the record as a whole (lost samples, a source that stopped) counts, too
        passed = result.exit_code == 0
        return htf.PhaseResult.CONTINUE if passed else htf.PhaseResult.FAIL_AND_CONTINUE

    return phase


def _say(test: Any, requirements: Sequence[Judged]) -> None:
    for judged in requirements:
        if judged.status in ("FAIL", "INVALID"):
            test.logger.warning("%s: %s", judged.status, sentence(judged.worst))
