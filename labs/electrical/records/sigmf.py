"""SigMF recordings: a .sigmf-meta file beside a .sigmf-data file.

The `sigmf` package reads and checks the metadata; the samples are read by chunks here. Complex
samples are two channels, "1.i" and "1.q". The checksum isn't verified: that would read everything.
"""

import warnings
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema
import sigmf
from sigmf.sigmffile import dtype_info
from sigmf.utils import parse_iso8601_datetime

from labs.electrical.blocks import Channel
from labs.electrical.records.frames import Encoding, FrameRecord, Layout
from labs.electrical.records.raw import read_json
from labs.electrical.records.record import reading, select, stated_rate, unreadable
from labs.electrical.records.wav import labelled

META, DATA = ".sigmf-meta", ".sigmf-data"
_MOST_CHANNELS = 65536


def open_sigmf(
    path: Path,
    *,
    channels: str | Sequence[str] | None = None,
    fs_hz: float | None = None,
    names: Sequence[str] | None = None,
    unit: str | None = None,
    scale: float | Sequence[float] | None = None,
) -> FrameRecord:
    """A SigMF recording, by either of its two files.

    Args:
        names: of all channels (two for each complex one); "1", "2", ... if left out.
        unit: of all channels.
        scale: the value in `unit` that full scale (of integers) or 1 (of floating point) stands
            for, one for all or one for each.
    """
    if path.suffix == ".sigmf" or ".sigmf." in path.name:
        raise unreadable(
            path,
            "an archive",
            expected=f"a {META} file beside a {DATA} file",
            next_step="unpack it first: tar -xf, then give the .sigmf-meta file",
        )
    meta = path.with_suffix(META)
    said = _metadata(meta, path)
    main, captures = said["global"], said.get("captures", [])
    data = _data_file(meta, main)
    encoding, parts = _encoding(meta, main)
    width = main.get("core:num_channels", 1)
    if not isinstance(width, int) or not 1 <= width <= _MOST_CHANNELS:
        raise unreadable(meta, f"core:num_channels: {width}", expected="1 channel or more")
    head = [c.get("core:header_bytes", 0) for c in captures]
    if any(head[1:]):
        raise unreadable(
            meta, "headers between samples", expected="core:header_bytes in the first capture only",
            next_step="convert the data to a conforming SigMF dataset")  # fmt: skip
    offset = head[0] if head else 0
    with reading(data):
        there = data.stat().st_size - offset - main.get("core:trailing_bytes", 0)
    count, rest = divmod(max(0, there), width * parts * encoding.bytes)
    notes = [f"{rest} bytes after the last whole sample are left out"] if rest else []
    full = encoding.largest
    made = [
        Channel(name, "", 1.0 if full is None else 1 / (full + 1), full_scale=full)
        for i in range(1, width + 1)
        for name in ([f"{i}.i", f"{i}.q"] if parts == 2 else [str(i)])
    ]
    made = labelled(meta, made, names, unit, scale)
    places = select(path, channels, [c.name for c in made])
    fs, more = stated_rate(meta, fs_hz, main.get("core:sample_rate"), "core:sample_rate")
    gaps = _gaps(captures, count, notes)
    layout = Layout(data, offset, width * parts, count, encoding, gaps)
    kept = [made[i] for i in places]
    return FrameRecord(
        data, kept, fs, layout, places, start=_start(captures), notes=[*notes, *more]
    )


def _metadata(meta: Path, asked: Path) -> dict[str, Any]:
    if not meta.is_file():
        raise unreadable(
            asked, f"no file {meta.name}", expected="metadata beside the samples",
            next_step=f"put {meta.name} into the same folder")  # fmt: skip
    said = read_json(meta)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the package warns of versions older than itself
            recording = sigmf.SigMFFile(metadata=said)
            recording.validate()
    except (sigmf.error.SigMFError, jsonschema.ValidationError, AttributeError, KeyError,
            TypeError, ValueError) as error:  # fmt: skip
        raise unreadable(
            meta,
            str(getattr(error, "message", error)).splitlines()[0][:200],
            expected="metadata that the SigMF schema allows",
            next_step="correct the metadata",
        ) from error
    return said


def _data_file(meta: Path, main: dict[str, Any]) -> Path:
    name = main.get("core:dataset") or meta.with_suffix(DATA).name
    data = meta.parent / Path(name).name
    if not data.is_file():
        raise unreadable(
            meta, f"no file {data.name} beside it", expected="the file with the samples",
            next_step="put it into the same folder")  # fmt: skip
    return data


def _encoding(meta: Path, main: dict[str, Any]) -> tuple[Encoding, int]:
    """How a real number is stored, and how many make a sample."""
    text = main["core:datatype"]
    try:
        info = dtype_info(text)
    except (sigmf.error.SigMFError, KeyError, ValueError) as error:
        raise unreadable(meta, f"core:datatype: {text!r:.40}", expected="such as ri16_le",
                         next_step="correct the metadata") from error  # fmt: skip
    kind = "u" if info["is_unsigned"] else "i" if info["is_fixedpoint"] else "f"
    return Encoding(kind, 8 * info["component_size"], text.endswith("_be")), (
        2 if info["is_complex"] else 1
    )


def _gaps(
    captures: list[dict[str, Any]], count: int, notes: list[str]
) -> tuple[tuple[int, int], ...]:
    """Where core:global_index runs ahead of core:sample_start."""
    gaps, lead = [], None
    for capture in captures:
        at, index = capture["core:sample_start"], capture.get("core:global_index")
        if index is None:
            continue
        ahead = index - at
        if lead is not None and ahead < lead:
            notes.append(f"core:global_index goes back at sample {at}; left out of account")
        elif lead is not None and ahead > lead and at < count:
            gaps.append((at, ahead - lead))
        lead = ahead if lead is None else max(lead, ahead)
    return tuple(sorted(gaps))


def _start(captures: list[dict[str, Any]]) -> datetime | None:
    text = captures[0].get("core:datetime") if captures else None
    try:
        return parse_iso8601_datetime(text) if text else None
    except ValueError:
        return None
