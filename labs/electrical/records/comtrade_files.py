"""Where the parts of a COMTRADE record are: .cfg beside .dat, or both in one .cff."""

import re
from dataclasses import dataclass
from pathlib import Path

from labs.electrical.records.record import reading, unreadable

MOST_TEXT = 16 * 2**20  # bytes of a header: 100,000 channels take less
_SECTION = re.compile(
    rb"^--- *file type: *([A-Z]+)(?: +([A-Z0-9]+))?(?: *: *([0-9]+))? *---[ \t]*\r?\n?",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True)
class Parts:
    """The header's text, and where the data are.

    Attributes:
        line: of the header's first line in its file.
        data_line: of the data's first line, for text.
        offset, size: of the data in their file, in bytes.
        form: of the data, as a .cff says it beside the header; "" otherwise.
    """

    header_file: Path
    text: str
    line: int
    data_file: Path
    offset: int
    size: int
    data_line: int
    form: str
    notes: tuple[str, ...]


def find_parts(path: Path, encoding: str | None) -> Parts:
    """The parts of a record, by any of its files.

    Raises:
        LabError: one is missing, or isn't what its name says.
    """
    return _from_cff(path, encoding) if path.suffix.lower() == ".cff" else _from_two(path, encoding)


def _from_two(path: Path, encoding: str | None) -> Parts:
    header, data = _beside(path, ".cfg"), _beside(path, ".dat")
    with reading(header):
        size = header.stat().st_size
        if size > MOST_TEXT:
            raise unreadable(header, f"{size} bytes", expected="a header, a small text file")
        raw = header.read_bytes()
    with reading(data):
        size = data.stat().st_size
    text, notes = decoded(header, raw, encoding)
    return Parts(header, text, 1, data, 0, size, 1, "", notes)


def _beside(path: Path, suffix: str) -> Path:
    """The file of the same name with another suffix, whatever its case."""
    if path.suffix.lower() == suffix:
        return path
    for name in (suffix, suffix.upper(), suffix.capitalize()):
        found = path.with_suffix(name)
        if found.is_file():
            return found
    raise unreadable(
        path,
        f"no file {path.with_suffix(suffix).name}",
        expected=f"a {suffix} file beside it: a COMTRADE record is two files",
        next_step="put both into one folder, with one name",
    )


def _from_cff(path: Path, encoding: str | None) -> Parts:
    with reading(path), open(path, "rb") as file:
        head = file.read(MOST_TEXT)
        end = file.seek(0, 2)
    sections = {}
    for found in _SECTION.finditer(head):
        name = found[1].upper()
        if name in sections:  # binary data may look like anything
            continue
        sections[name] = found
        if name == b"DAT":
            break
    missing = [n.decode() for n in (b"CFG", b"DAT") if n not in sections]
    if missing:
        raise unreadable(
            path,
            f"no section {' and no section '.join(missing)}",
            expected="lines such as '--- file type: CFG ---' before each part",
            next_step="the file was cut off, or isn't a COMTRADE .cff",
        )
    first, data = sections[b"CFG"], sections[b"DAT"]
    follow = min(
        (s.start() for s in sections.values() if s.start() > first.start()), default=len(head)
    )
    text, notes = decoded(path, head[first.end() : follow], encoding)
    size = end - data.end()
    declared = int(data[3][:20]) if data[3] else None
    if declared is not None and declared != size:
        notes = (*notes, f"the file says {declared} bytes of data, {size} are there")
        size = min(size, declared) if declared else size
    return Parts(path, text, _line(head, first.end()), path, data.end(), size,
                 _line(head, data.end()), (data[2] or b"").decode().upper(), notes)  # fmt: skip


def _line(text: bytes, at: int) -> int:
    return text.count(b"\n", 0, at) + 1


def decoded(path: Path, raw: bytes, encoding: str | None) -> tuple[str, tuple[str, ...]]:
    """Text in UTF-8, else in Latin-1 with a note; or as the caller says.

    Raises:
        LabError: it isn't text, or not in the encoding asked for.
    """
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")) and encoding is None:
        encoding = "utf-16"
    try:
        text = raw.decode(encoding or "utf-8-sig")
    except LookupError:
        raise unreadable(
            path, f"encoding={encoding!r}", expected="a text encoding that Python knows",
            next_step="such as utf-8 or latin-1") from None  # fmt: skip
    except UnicodeDecodeError as error:
        if encoding is not None:
            raise unreadable(
                path,
                f"byte {error.start} isn't {encoding}",
                expected=f"text in {encoding}",
                next_step="leave encoding= out, or give another one",
                line=raw.count(b"\n", 0, error.start) + 1,
            ) from None
        text = raw.decode("latin-1")
        if "\0" not in text:
            return text, ("the text isn't UTF-8: it is read as Latin-1",)
    if "\0" in text:
        raise unreadable(
            path,
            "binary data",
            expected="text",
            next_step="is it the right file?",
            line=text.count("\n", 0, text.index("\0")) + 1,
        )
    return text, ()
