"""Judging a backend that the reader has written: its text, in processes that may crash or hang."""

import ast
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from labs.grading.compare import expect_type
from labs.grading.judges import Wrong

_CASE_TIMEOUT_S = 4.0


@contextmanager
def written(source: object) -> Iterator[tuple[str, Path]]:
    """(device name, file) of a module's text, in a temporary folder; the text is only parsed here.

    Raises:
        Wrong: it isn't the text of a module with a class such as OwnDevice.
    """
    expect_type("the source", source, (str,))
    name = device_name(source)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"ops_{name.lower()}.py"
        file.write_text(source, "utf-8")
        yield name, file


def expect_score(name: str, file: Path, cases: Sequence[str], seed: int, least: float) -> None:
    """The device passes these cases of the conformance suite.

    Raises:
        Wrong: with a lower score than `least`; says which case failed first, and what to do next.
    """
    from labs.backends import conformance
    from labs.errors import LabError

    try:
        report = conformance.run(
            f"{name}={file}", groups=list(cases), seed=seed, timeout_s=_CASE_TIMEOUT_S
        )
    except LabError as error:
        raise Wrong(str(error)) from None
    if report.score >= least:
        return
    first = report.failures[0]
    counts = [f"{g.name} {g.passed}/{g.passed + g.failed}" for g in report.groups.values()]
    raise Wrong(
        f"score {report.score:.2f}, {least} is needed. {', '.join(counts)}\n"
        f"{first.case}: {first.message[:300]}\nNext: {report.next_step}"
    )


def device_name(source: str) -> str:
    """ "class OwnDevice(Compiled)" -> "OWN"."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        raise Wrong(f"expected the text of a module, and this isn't Python: {error}") from None
    names = [n.name for n in tree.body if isinstance(n, ast.ClassDef) and n.name.endswith("Device")]
    if not names or names[-1] == "Device":
        raise Wrong("expected the text of a module with a class such as OwnDevice, found none")
    return names[-1].removesuffix("Device").upper()
