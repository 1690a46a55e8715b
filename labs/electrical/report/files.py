"""Reports in files: where they go is checked before the run, and each is written in one step."""

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from labs.electrical.report.json_form import json_text
from labs.electrical.report.junit import junit_report
from labs.electrical.report.result import ValidationResult
from labs.errors import ResultError

STDOUT = "-"
KINDS = ("json", "junit", "html")


def check_outputs(files: Mapping[str, str | None], inputs: tuple[str | Path, ...] = ()) -> None:
    """Said before the run: minutes of work must not be lost to a mistyped name.

    Args:
        files: kind of report -> file name, "-" for stdout, None for no report.
        inputs: files that a report must not overwrite.

    Raises:
        ResultError: a name that can't be written, is there twice, or is one of the inputs.
    """
    names = [n for n in files.values() if n is not None]
    taken = {Path(i).absolute() for i in inputs}
    for name in names:
        if names.count(name) > 1:
            raise _refused(name, "a file for each report", f"'{name}' twice")
        if name == STDOUT:
            continue
        path = Path(name).absolute()
        if path in taken:
            raise _refused(name, "a file that isn't read", "the specification or the record")
        if path.is_dir() or not path.parent.is_dir():
            got = "a folder" if path.is_dir() else f"no folder {Path(name).parent}"
            raise _refused(name, "a file in a folder that exists", got)


def save_reports(result: ValidationResult, files: Mapping[str, str | None]) -> tuple[Path, ...]:
    """Write the reports that are asked for; all texts are made before the first file is touched.

    Raises:
        ResultError: a file can't be written; what was there before is as it was.
    """
    makers: dict[str, Callable[[ValidationResult], str]] = {
        "json": json_text,
        "junit": junit_report,
        "html": _html,
    }
    texts = {k: makers[k](result) for k, name in files.items() if name is not None}
    written = []
    for kind, text in texts.items():
        name = files[kind]
        if name == STDOUT:
            sys.stdout.write(text)
        else:
            written.append(write_whole(text, Path(name)))
    return tuple(written)


def write_whole(text: str, path: Path) -> Path:
    """Writes a file in one step: a reader or a full disk never leaves half of it.

    Raises:
        ResultError: it can't be written.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_text(text, encoding="utf-8", errors="replace")
        os.replace(partial, path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        got = f"{type(error).__name__}: {error.strerror or error}"
        raise _refused(str(path), "a file that can be written", got) from error
    return path


def _html(result: ValidationResult) -> str:
    from labs.electrical.report.page import html_page

    return html_page(result)


def _refused(name: str, expected: str, got: str) -> ResultError:
    return ResultError(
        f"write a report to '{name}'",
        expected=expected,
        got=got,
        next_step="choose another path; - is stdout",
    )
