"""What a judge says: rows, and one verdict over them."""

import math
from dataclasses import asdict, dataclass
from typing import Any

from labs.tables import Table
from labs.units import format_quantity

PASS, MARGINAL, FAIL, INVALID = "PASS", "MARGINAL", "FAIL", "INVALID"
# the worst first: a failure stays one, whatever else couldn't be measured
ORDER = (FAIL, INVALID, MARGINAL, PASS)
EXIT_CODES = {PASS: 0, MARGINAL: 0, FAIL: 1, INVALID: 2}


@dataclass(frozen=True)
class Row:
    """One judged value.

    Attributes:
        name: of the requirement; `channel` and `quantity` say what of it.
        value: in `unit`; NaN or None where there is none.
        lower, upper: the limits that held for it, None where there is none.
        margin: distance to the nearest limit in `unit`, negative outside.
        index, count: the samples that it was computed from.
        config_hash: of the limit file.
        reason: why, where the numbers don't say it.
    """

    name: str
    channel: str
    quantity: str
    value: float | None
    unit: str
    lower: float | None
    upper: float | None
    margin: float | None
    status: str
    t_start_s: float | None
    t_end_s: float | None
    index: int | None
    count: int | None
    config_hash: str
    reason: str = ""
    action: str = "alarm"

    def as_json(self) -> dict[str, Any]:
        """Its fields, with null for what JSON has no number for."""
        return {k: _plain(v) for k, v in asdict(self).items()}


@dataclass(frozen=True)
class Verdict:
    """The judgement of a whole record or stream.

    Attributes:
        status: the worst of all rows: FAIL, then INVALID, MARGINAL, PASS.
        rows: for each requirement, channel and limit: its violations and invalid windows in order
            of time (the first ones, where there are very many), or its worst value.
        notes: what a reader of the rows must know, such as how many were left out.
        counts: status -> number of judged values, those without a row of their own as well.
    """

    status: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    counts: dict[str, int]
    config_hash: str = ""

    @property
    def exit_code(self) -> int:
        """0: passed, marginal included; 1: failed; 2: could not be judged."""
        return EXIT_CODES[self.status]

    @property
    def violations(self) -> tuple[Row, ...]:
        return tuple(r for r in self.rows if r.status == FAIL)

    def as_json(self) -> dict[str, Any]:
        return {
            "verdict": self.status,
            "measurements": [r.as_json() for r in self.rows],
            "notes": list(self.notes),
            "counts": dict(self.counts),
            "config_hash": self.config_hash,
        }

    def table(self) -> Table:
        lines = tuple(
            (
                r.name, r.channel, r.quantity, r.status, _shown(r.value, r.unit),
                _shown(r.lower, r.unit), _shown(r.upper, r.unit), _shown(r.margin, r.unit),
                None if r.t_start_s is None else format_quantity(r.t_start_s, "s", 5), r.reason,
            )
            for r in self.rows
        )  # fmt: skip
        columns = ("requirement", "channel", "quantity", "status", "value", "lower", "upper",
                   "margin", "from", "reason")  # fmt: skip
        return Table(f"Verdict: {self.status}", columns, lines, "; ".join(self.notes))

    def __str__(self) -> str:
        return str(self.table())

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()


def worst_of(statuses: set[str]) -> str:
    return next((s for s in ORDER if s in statuses), INVALID)


def _shown(value: float | None, unit: str) -> str | None:
    if value is None or not math.isfinite(value):
        return None
    return format_quantity(value, "" if unit == "1" else unit, 5)


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
