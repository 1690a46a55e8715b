"""Results recorded on a GPU that most readers don't have: to be read, and to compare with.

A file holds tables of numbers with the command and the environment that gave them. It is written by
`python benchmarks/gpu --save` and never mixed with what this machine measures: every table made
from it says "recorded".
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path

from labs.bench.compare import Comparison
from labs.bench.results import Measurement
from labs.errors import ResultError
from labs.paths import PROJECT_ROOT
from labs.tables import Table, TableView
from labs.units import format_interval, format_ratio, format_seconds

FOLDER = PROJECT_ROOT / "benchmarks" / "results"
_PREFIX, _FORMAT = "gpu_", 1


@dataclass(frozen=True)
class Row:
    """One measured number of one way to do some work.

    Args:
        work: what was done ("matmul n=8192 float16"); by: who did it ("by hand: hopper").
        seconds: of one call; low, high: its 95% interval, None where there is none.
        rate: work per second in `unit` ("TFLOP/s", "GB/s"), None where that is no useful number.
        ratio: reference time / this time, above 1 this is faster; with its 95% interval.
        reference: whose time that is.
        facts: more numbers about it (registers, counters), by name with the unit.
        failure: why there is no number.
    """

    work: str
    by: str
    seconds: float | None = None
    low: float | None = None
    high: float | None = None
    rate: float | None = None
    unit: str = ""
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    reference: str = ""
    verification: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)
    failure: str = ""


@dataclass(frozen=True, repr=False)
class Recorded(TableView):
    """One recorded file.

    Args:
        device: the GPU's name.
        command, date, environment: how, when and under what it was measured.
        sections: rows by the section's name.
    """

    device: str
    command: str
    date: str
    environment: Mapping[str, object]
    sections: Mapping[str, tuple[Row, ...]]

    def rows(self, section: str) -> tuple[Row, ...]:
        """A section's rows.

        Raises:
            ResultError: when the file has no such section.
        """
        if section not in self.sections:
            raise ResultError(
                f"read section '{section}' of the results recorded on {self.device}",
                expected=f"one of {', '.join(self.sections)}",
                got=repr(section),
                next_step="choose one from that list",
            )
        return self.sections[section]

    def table(self, section: str | None = None) -> Table:
        """A section as a table, or all of them."""
        rows = self.rows(section) if section else sum(map(tuple, self.sections.values()), ())
        return rows_table(rows, f"Recorded on {self.device}, {self.date}: not this machine")


def rows_table(rows: Iterable[Row], title: str) -> Table:
    """Rows under the columns that all sections share."""
    cells = []
    for row in rows:
        interval = None
        if row.low is not None and row.high is not None:
            interval = format_interval(row.low, row.high, format_seconds)
        ratio = None
        if row.ratio is not None:
            ratio = format_ratio(row.ratio)
            if row.ratio_low is not None and row.ratio_high is not None:
                ratio += f" {format_interval(row.ratio_low, row.ratio_high, format_ratio)}"
        facts = ", ".join(f"{k} {_short(v)}" for k, v in row.facts.items())
        cells.append(
            (
                row.work,
                row.by,
                None if row.seconds is None else format_seconds(row.seconds),
                interval,
                None if row.rate is None else f"{row.rate:.4g} {row.unit}",
                f"{ratio} {row.reference}" if ratio else None,
                row.failure.partition("\n")[0] or facts,
            )
        )
    columns = ("work", "by", "time", "95% interval", "rate", "speed", "remark")
    return Table(title, columns, tuple(cells))


def measured_row(
    measurement: Measurement,
    work: str,
    by: str,
    unit: str,
    against: Comparison | None = None,
    reference: str = "",
    facts: Mapping[str, object] | None = None,
) -> Row:
    """A measurement as a row.

    Args:
        unit: "TFLOP/s", "GB/s", or "" for no rate.
        against: this measurement compared with the reference, as the candidate.
    """
    interval, ratio = measurement.interval_s, against.interval if against else None
    per_s = {"TFLOP/s": measurement.flop_per_s, "GB/s": measurement.bytes_per_s}.get(unit)
    return Row(
        work,
        by,
        measurement.median_s,
        interval.low if interval else None,
        interval.high if interval else None,
        per_s / {"TFLOP/s": 1e12, "GB/s": 1e9}[unit] if per_s else None,
        unit,
        against.speedup if against else None,
        ratio.low if ratio else None,
        ratio.high if ratio else None,
        reference,
        measurement.verification,
        dict(facts or {}),
    )


def save_recorded(recorded: Recorded, path: Path) -> None:
    """Writes a file that `load_recorded` reads."""
    data = {"format": _FORMAT, **asdict(recorded)}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


def recorded_names() -> tuple[str, ...]:
    """The files that come with the course."""
    return tuple(sorted(p.stem.removeprefix(_PREFIX) for p in FOLDER.glob(f"{_PREFIX}*.json")))


@cache
def load_recorded(name: str = "nvidia_h100_80gb_hbm3") -> Recorded:
    """A file that comes with the course, by name, or any other by its path.

    Raises:
        ResultError: when it isn't there, or isn't such a file.
    """
    path = Path(name) if name.endswith(".json") else FOLDER / f"{_PREFIX}{name}.json"
    asked = f"read the recorded results '{name}'"
    if not path.is_file():
        raise ResultError(
            asked,
            expected=f"one of {', '.join(recorded_names()) or 'none (the course has none yet)'}",
            got=f"no file {path.name}",
            next_step="choose one from that list, or write one: python benchmarks/gpu --save",
        )
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["format"] != _FORMAT:
            raise ValueError(f"format {data['format']}, this course reads {_FORMAT}")
        sections = {k: tuple(Row(**row) for row in rows) for k, rows in data["sections"].items()}
        return Recorded(
            data["device"], data["command"], data["date"], data["environment"], sections
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ResultError(
            asked,
            expected="a file written by `python benchmarks/gpu --save`",
            got=f"{type(error).__name__}: {error}",
            next_step="take the file from the repository again",
        ) from None


def by_name(rows: Iterable[Row]) -> dict[tuple[str, str], Row]:
    """Rows by (work, by)."""
    return {(row.work, row.by): row for row in rows}


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
