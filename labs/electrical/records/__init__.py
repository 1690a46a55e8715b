"""Records in: files of electrical measurements as sources of blocks, each in bounded memory.

`open_record` reads COMTRADE, TDMS, WAV, CSV, SigMF and raw int16 with a JSON sidecar. What was
found wrong but didn't stop the reading is in the record's `notes`; what stops it is a LabError that
says where. Missing samples are jumps of `Block.index`, samples without a value are in `valid`.
"""

import inspect
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from labs.electrical.records.record import Record as Record
from labs.electrical.records.record import reading, unreadable
from labs.electrical.records.writing import write_comtrade as write_comtrade
from labs.electrical.records.writing import write_csv as write_csv
from labs.electrical.records.writing import write_raw as write_raw
from labs.errors import LabError

FORMATS = ("comtrade", "tdms", "wav", "csv", "sigmf", "raw")
_SUFFIXES = {
    ".cfg": "comtrade", ".dat": "comtrade", ".cff": "comtrade",
    ".tdms": "tdms",
    ".wav": "wav", ".wave": "wav", ".rf64": "wav",
    ".csv": "csv", ".tsv": "csv", ".txt": "csv",
    ".sigmf-meta": "sigmf", ".sigmf-data": "sigmf", ".sigmf": "sigmf",
    ".json": "raw", ".bin": "raw", ".raw": "raw", ".i16": "raw",
}  # fmt: skip
_BEGINNINGS = {b"TDSm": "tdms", b"RIFF": "wav", b"RF64": "wav", b"--- file type": "comtrade"}


def open_record(
    path: str | Path,
    *,
    channels: str | Sequence[str] | None = None,
    fs_hz: float | None = None,
    format: str | None = None,
    **options: object,
) -> Record:
    """A record as a source of blocks.

    Args:
        path: the file, or any of a record's files.
        channels: names of those to read, in this order; by default all (of COMTRADE: the analog
            ones).
        fs_hz: the sample rate, where the file gives none or a wrong one; a difference is noted.
        format: one of FORMATS; by default as the file's name says, or its beginning.
        options: of the format:
            comtrade: side ("recorded", "primary", "secondary"), encoding;
            csv: time (name of the time column, False for none), delimiter, decimal, units (name ->
            unit), encoding;
            tdms: group;
            wav, sigmf: names, unit, scale (what full scale stands for).

    Returns:
        An open record: a Source, and a context manager.

    Raises:
        LabError: the file, a channel or an option isn't there; or what the file says can't be.

    Example:
        with open_record("fault.cfg") as record:
            for block in record.blocks():
                ...
    """
    path = Path(path)
    with reading(path):
        _check_file(path)
        name = _format(path) if format is None else format
    if name not in FORMATS:
        raise unreadable(path, f"format={name!r}", expected=f"one of {', '.join(FORMATS)}",
                         next_step="correct format=")  # fmt: skip
    reader: Callable[..., Record] = getattr(
        import_module(f"labs.electrical.records.{_module(name)}"), f"open_{name}"
    )
    known = [k for k in inspect.signature(reader).parameters if k != "path"]
    unknown = sorted(options.keys() - set(known))
    if unknown:
        raise unreadable(
            path,
            f"no option {', '.join(unknown)} for {name}",
            expected=f"options of {name}: {', '.join(known)}",
            next_step="correct or remove it",
        )
    with reading(path):
        return reader(path, channels=channels, fs_hz=fs_hz, **options)


def _module(name: str) -> str:
    return "csv_file" if name == "csv" else name


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise LabError(
            f"read '{path}'",
            expected="a file",
            got="a folder",
            next_step="give one of the files in it",
        )
    if not path.exists():
        raise LabError(
            f"read '{path}'",
            expected="a file that exists",
            got="no such file",
            next_step=f"check the name; the folder is {path.resolve().parent}",
        )
    if not path.is_file():
        raise unreadable(path, "no regular file", expected="a file on a disk")
    if path.stat().st_size == 0:
        raise unreadable(
            path, "an empty file", expected="a record", next_step="record or copy it again"
        )


def _format(path: Path) -> str:
    found = _SUFFIXES.get(path.suffix.lower())
    if ".sigmf." in path.name:
        return "sigmf"
    if path.suffix.lower() == ".dat" and _is_raw(path):
        return "raw"
    if found is not None:
        return found
    with open(path, "rb") as file:
        head = file.read(16)
    for beginning, name in _BEGINNINGS.items():
        if head.startswith(beginning):
            return name
    raise unreadable(
        path,
        f"a name that ends in {path.suffix or 'nothing'}, and a beginning {head[:8]!r}",
        expected=f"a record: {', '.join(FORMATS)}",
        next_step="name its format: open_record(path, format=...)",
    )


def _is_raw(path: Path) -> bool:
    """A .dat with a sidecar and without a COMTRADE header."""
    headers = (path.with_suffix(s) for s in (".cfg", ".CFG", ".Cfg"))
    return path.with_suffix(".json").is_file() and not any(h.is_file() for h in headers)
