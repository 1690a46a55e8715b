"""Raw records: int16 counts in one file, what they mean in a JSON sidecar beside it.

The sidecar's form is `raw.schema.json`; `write_raw` writes a pair.
"""

import json
import math
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

from labs.electrical.blocks import Channel
from labs.electrical.records.frames import Encoding, FrameRecord, Layout
from labs.electrical.records.record import named, reading, select, stated_rate, unreadable

SUFFIXES = (".bin", ".raw", ".i16", ".dat")
SCHEMA_FILE = Path(__file__).with_name("raw.schema.json")
_MOST_BYTES = 64 * 2**20  # of a sidecar
FULL_SCALE = 32767.0  # counts: where int16 clips


@cache
def schema() -> dict[str, Any]:
    """The sidecar's JSON schema."""
    return json.loads(SCHEMA_FILE.read_text("utf-8"))


def open_raw(
    path: Path,
    *,
    channels: str | Sequence[str] | None = None,
    fs_hz: float | None = None,
) -> FrameRecord:
    """A raw record, by its sidecar or by its samples.

    Raises:
        LabError: one of the two files is missing, or the sidecar breaks its schema.
    """
    sidecar = path if path.suffix.lower() == ".json" else path.with_suffix(".json")
    if not sidecar.is_file():
        raise unreadable(
            path,
            f"no file {sidecar.name}",
            expected="a sidecar beside the samples that says rate and channels",
            next_step="write it: labs/electrical/records/raw.schema.json is its form",
        )
    said = _sidecar(sidecar)
    data = _data_file(path, sidecar, said)
    with reading(data):
        size = data.stat().st_size
    given = said["channels"]
    encoding = Encoding("i", 16, said.get("byte_order", "little") == "big")
    offset = said.get("header_bytes", 0)
    count, rest = divmod(max(0, size - offset), 2 * len(given))
    notes = [f"{rest} bytes after the last whole sample are left out"] if rest else []
    declared = said.get("samples")
    if declared is not None and declared != count:
        notes.append(f"{sidecar.name} says {declared} samples, {count} are there")
    if not all(math.isfinite(c.get(k, 0)) for c in given for k in ("scale", "offset")):
        raise unreadable(sidecar, "a scale or offset beyond all numbers", next_step="correct it")
    labels, shared = named(sidecar, [c["name"] for c in given], "")
    made = [_channel(name, c) for name, c in zip(labels, given, strict=True)]
    places = select(path, channels, labels)
    fs, more = stated_rate(path, fs_hz, float(said["fs_hz"]), sidecar.name)
    gaps = tuple(sorted((g["at"], g["missing"]) for g in said.get("gaps", ()) if g["at"] < count))
    layout = Layout(data, offset, len(given), count, encoding, gaps)
    start = _start(sidecar, said.get("start"))
    kept = [made[i] for i in places]
    return FrameRecord(data, kept, fs, layout, places, start=start, notes=[*notes, *more, *shared])


def _channel(name: str, said: dict[str, Any]) -> Channel:
    return Channel(
        name,
        said.get("unit", ""),
        float(said.get("scale", 1.0)),
        float(said.get("offset", 0.0)),
        said.get("phase", ""),
        said.get("full_scale", FULL_SCALE),
    )


def read_json(path: Path, most_bytes: int = _MOST_BYTES) -> Any:
    """JSON with finite numbers.

    Raises:
        LabError: too large, no JSON, not UTF-8, NaN in it; with the line.
    """
    with reading(path):
        if path.stat().st_size > most_bytes:
            raise unreadable(path, f"{path.stat().st_size} bytes", expected="a small JSON file")
        text = path.read_bytes()

    def refuse(word: str) -> None:
        raise ValueError(f"the number {word}")

    try:
        return json.loads(text.decode("utf-8-sig"), parse_constant=refuse)
    except json.JSONDecodeError as error:
        got, line = error.msg, error.lineno
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        got, line = str(error), None
    raise unreadable(path, got, expected="JSON in UTF-8", next_step="correct the file", line=line)


def _sidecar(path: Path) -> dict[str, Any]:
    said = read_json(path)
    error = jsonschema.Draft202012Validator(schema()).iter_errors(said)
    if found := next(error, None):
        key = "/".join(map(str, found.absolute_path)) or "the whole"
        raise unreadable(
            path,
            f"{key}: {found.message[:200]}",
            expected="a sidecar as raw.schema.json describes it",
            next_step="correct the sidecar",
        )
    return said


def _data_file(path: Path, sidecar: Path, said: dict[str, Any]) -> Path:
    if path != sidecar:
        return path
    asked = [said["data"]] if "data" in said else [sidecar.stem + s for s in SUFFIXES]
    for name in asked:
        if name != sidecar.name and (sidecar.parent / name).is_file():
            return sidecar.parent / name
    raise unreadable(
        path,
        f"none of {', '.join(asked)} beside it",
        expected="the file with the samples",
        next_step="put it there, or name it in the sidecar: data",
    )


def _start(path: Path, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise unreadable(
            path,
            f"start: {text[:60]!r}",
            expected="an ISO 8601 date and time, such as 2024-05-31T10:00:00",
            next_step="correct it or leave it out",
        ) from None
