"""WAV files: integers of 8 to 32 bits and floating point, also RF64 beyond 4 GiB.

Read by chunks here, since the maintained readers stream a part of these only: the standard
library's `wave` refuses floating point, scipy maps the file but not with 24 bits.

Source: the RIFF and WAVEFORMATEX layout of Microsoft's multimedia reference, RF64 of EBU Tech 3306
(facts from general knowledge, checked against files that scipy and `wave` write).
"""

import os
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from labs.electrical.blocks import Channel
from labs.electrical.records.frames import Encoding, FrameRecord, Layout
from labs.electrical.records.record import (
    checked_rate,
    named,
    reading,
    scaled,
    select,
    stated_rate,
    unreadable,
)

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_UNKNOWN = 0xFFFFFFFF  # a size that is elsewhere (RF64) or was never filled in
_MOST_CHUNKS = 10_000


def open_wav(
    path: Path,
    *,
    channels: str | Sequence[str] | None = None,
    fs_hz: float | None = None,
    names: Sequence[str] | None = None,
    unit: str | None = None,
    scale: float | Sequence[float] | None = None,
) -> FrameRecord:
    """A WAV file. It knows neither names nor units: channels are "1", "2", ... in parts of full
    scale, unless the caller says what they are.

    Args:
        names: of all channels in the file.
        unit: of all channels.
        scale: the value in `unit` that full scale stands for, one for all or one for each.
    """
    with reading(path), open(path, "rb") as file:
        form, offset, size, notes = _chunks(path, file)
    tag, width, rate, _, block, bits = struct.unpack("<HHIIHH", form[:16])
    if tag == _EXTENSIBLE and len(form) >= 26:
        tag = struct.unpack("<H", form[24:26])[0]
    kind = {_PCM: "u" if bits == 8 else "i", _FLOAT: "f"}.get(tag)
    whole = (8, 16, 24, 32) if tag == _PCM else (32, 64)
    if kind is None or bits not in whole or not width or block != width * bits // 8:
        raise unreadable(
            path,
            f"format {tag}, {width} channels of {bits} bits in {block} bytes",
            expected="samples of 8, 16, 24 or 32 bits, or of 32 or 64 bits in floating point",
            next_step="convert it to uncompressed samples",
        )
    encoding = Encoding(kind, bits)
    count, rest = divmod(size, block)
    if rest:
        notes.append(f"{rest} bytes after the last whole sample are left out")
    fs, more = stated_rate(path, fs_hz, float(rate) if rate else None, "the header")
    checked_rate(path, fs, "the header")
    full = encoding.largest
    made = [
        Channel(str(i + 1), "", 1.0 if full is None else 1 / (full + 1), full_scale=full)
        for i in range(width)
    ]
    made = labelled(path, made, names, unit, scale)
    labels, shared = named(path, [c.name for c in made], "")
    places = select(path, channels, labels)
    kept = tuple(made[i] for i in places)
    layout = Layout(path, offset, width, count, encoding)
    return FrameRecord(path, kept, fs, layout, places, notes=[*notes, *more, *shared])


def labelled(
    path: Path,
    made: Sequence[Channel],
    names: Sequence[str] | None,
    unit: str | None,
    scale: float | Sequence[float] | None,
) -> tuple[Channel, ...]:
    try:
        if names is not None and (isinstance(names, str) or len(names) != len(made)):
            raise ValueError(f"names={names!r}")
        if names is not None and len(set(names)) < len(made):
            raise ValueError(f"names={names!r}, some of them equal")
        return scaled(made, names, unit, scale)
    except (TypeError, ValueError) as error:
        raise unreadable(
            path,
            str(error),
            expected=f"as many as the file has channels: {len(made)}",
            next_step="correct names= or scale=",
        ) from None


def _chunks(path: Path, file: BinaryIO) -> tuple[bytes, int, int, list[str]]:
    """The format, where the samples lie and how many bytes they take, and notes."""
    end = os.fstat(file.fileno()).st_size
    head = file.read(12)
    if head[:4] not in (b"RIFF", b"RF64", b"BW64") or head[8:12] != b"WAVE":
        raise unreadable(
            path,
            f"it begins with {head[:12]!r}",
            expected="RIFF....WAVE",
            next_step="is it a WAV file? open_record(path, format=...) names another format",
        )
    form, long_size = b"", None
    for _ in range(_MOST_CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            break
        name, size = struct.unpack("<4sI", head)
        if name == b"data":
            return _data(path, file, form, long_size if size == _UNKNOWN else size, end)
        body = file.read(min(size, 64)) if name in (b"fmt ", b"ds64") else b""
        if name == b"fmt ":
            form = body
        elif name == b"ds64" and len(body) >= 16:
            long_size = struct.unpack("<Q", body[8:16])[0]
        file.seek(size + (size & 1) - len(body), os.SEEK_CUR)
    raise unreadable(
        path,
        "no chunk named data",
        expected="a WAV file with samples",
        next_step="the file was cut off, or isn't a WAV file",
    )


def _data(
    path: Path, file: BinaryIO, form: bytes, size: int | None, end: int
) -> tuple[bytes, int, int, list[str]]:
    if len(form) < 16:
        raise unreadable(
            path,
            f"{len(form)} bytes of format before the samples",
            expected="a chunk named fmt of 16 bytes or more",
            next_step="the file is damaged; record or convert it again",
        )
    offset, there = file.tell(), end - file.tell()
    if size is None or (size == 0 and there):
        return form, offset, there, ["the header doesn't say how many samples; read to the end"]
    if size > there:
        notes = [f"the header says {size} bytes of samples, {there} are there"]
        return form, offset, there, notes
    return form, offset, size, []
