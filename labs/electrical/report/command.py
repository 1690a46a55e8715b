"""The command `course.py validate`: judge a record, print the verdict, write what was asked for."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import yaml
from tqdm import tqdm

from labs.electrical.report.files import KINDS, STDOUT, check_outputs, save_reports
from labs.errors import LabError, ResultError


def validate_command(options: argparse.Namespace, progress: Callable[[], Any]) -> int:
    """Run it; 0 when the record passes, 1 when it fails, 2 when it can't be judged."""
    files = {kind: getattr(options, kind) for kind in KINDS}
    check_outputs(files, (options.specification, options.record))
    given = reader_options(options.option)
    from labs.electrical.validate import DEVICE, validate

    try:
        result = validate(
            options.specification,
            options.record,
            device=options.device or DEVICE,
            progress=_progress(progress()),
            options=given,
        )
    except (OSError, UnicodeError, MemoryError) as error:  # what no reader has put into words
        raise LabError(
            f"validate '{options.record}' against '{options.specification}'",
            expected="two files that can be read",
            got=f"{type(error).__name__}: {error}",
            next_step="check the paths and what the files hold",
        ) from error
    if STDOUT not in files.values():
        print(_printable(str(result)))
    for path in save_reports(result, files):
        print(f"Report in {path}", file=sys.stderr)
    return result.exit_code


def _progress(known: Callable[[int, int, str], None]) -> Callable[[int, int, str], None]:
    """The project's bar; for a record that doesn't say how long it is, a count."""
    count: tqdm | None = None

    def show(done: int, total: int, text: str) -> None:
        nonlocal count
        if total:
            known(done, total, text)
            return
        if count is None:
            count = tqdm(desc=text, unit=" samples", unit_scale=True, file=sys.stderr)
        count.update(done - count.n)
        count.refresh()

    return show


def reader_options(given: Sequence[str]) -> Mapping[str, Any]:
    """{"fs_hz": 50000} from ["fs_hz=50000"]; values are read as YAML reads them.

    Raises:
        ResultError: an option without a value.
    """
    found: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise ResultError(
                f"read a record with --option {text}",
                expected="NAME=VALUE",
                got=repr(text),
                next_step="write --option fs_hz=50000",
            )
        found[name] = _value(value)
    return found


def _value(text: str) -> Any:
    try:
        return float(text) if "e" in text.lower() else _from_yaml(text)
    except ValueError:
        return _from_yaml(text)


def _from_yaml(text: str) -> Any:
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:  # text such as a delimiter
        return text
    return text if value is None else value


def _printable(text: str) -> str:
    """Names from files may hold what this terminal can't show."""
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
