"""What to show when a kernel does not compile: the compiler's words and the lines they mean.

A generated kernel is a string that nobody has seen, so "line 7: error" alone helps nobody.
`explain` turns a compiler's stderr and that string into text; `KernelCompileError` carries it, as
the exception that tinygrad expects (BEAM skips a candidate that raises it) and as a LabError.
"""

import re
from dataclasses import dataclass

from tinygrad.device import CompileError

from labs.errors import LabError

CONTEXT_LINES = 2  # source lines shown on either side of an error
MOST_ERRORS = 3  # the first ones; what follows is mostly their echo
MOST_RAW_LINES = 20  # of a message that names no line

# clang, gcc and nvcc's front end: "<stdin>:7:3: error: ..."
_LOCATED = re.compile(
    r"^(?P<file>.+?):(?P<line>\d+)(?::(?P<column>\d+))?: (?:fatal )?error: (?P<text>.*)$", re.M
)
_FUNCTION = re.compile(r"\bvoid\s+(?P<name>\w+)\s*\(")  # the first one is the kernel
# ld.lld: "ld.lld: error: undefined symbol: foo"
_SYMBOL = re.compile(r"undefined (?:symbol|reference)[^\w\n]*(?:to\s+)?[`'\"]?(?P<symbol>\w+)")


@dataclass(frozen=True)
class Complaint:
    """One error of a compiler, at a place in the kernel's source.

    Args:
        line, column: 1-based; column is None when the compiler did not say.
        text: the compiler's words.
    """

    line: int
    column: int | None
    text: str


class KernelCompileError(LabError, CompileError):
    """A generated kernel that the compiler refused; the message shows the lines it is about."""


def refused(stderr: str, source: str, device: str, *, next_step: str = "") -> KernelCompileError:
    """The exception to raise from `Compiler.compile`.

    Args:
        stderr: what the compiler wrote.
        source: the kernel's whole source, as it was given to the compiler.
        device: for whom, as the reader knows it ("ELECTRICAL").
        next_step: what the reader should do; left out, look at the renderer.
    """
    function = _FUNCTION.search(source)
    name = function["name"] if function else "a kernel"
    return KernelCompileError(
        f"Compile the kernel {name} for {device}",
        expected="code that the compiler accepts",
        got=explain(stderr, source, name),
        next_step=next_step or "correct the renderer's method that wrote the marked line",
    )


def explain(stderr: str, source: str, name: str) -> str:
    """The compiler's message with the numbered source lines around each error.

    Args:
        stderr, source: as in `refused`.
        name: the kernel's.

    Returns: text of several lines. An error that names a line shows it and its neighbours; a
        linker's undefined symbol shows the lines that use it; anything else is quoted as it is.
    """
    lines = source.splitlines()
    found = complaints(stderr, len(lines))
    if found:
        shown = found[:MOST_ERRORS]
        parts = [_counted(len(found), name)]
        for complaint in shown:
            where = f", column {complaint.column}" if complaint.column else ""
            parts += [
                f"line {complaint.line}{where}: {complaint.text}",
                _excerpt(lines, complaint),
            ]
        if len(found) > len(shown):
            parts.append(f"... and {len(found) - len(shown)} more")
        return "\n".join(parts)
    raw = [line for line in stderr.strip().splitlines() if line.strip()]
    said = "\n".join(raw[:MOST_RAW_LINES]) or "(the compiler said nothing)"
    symbol = _SYMBOL.search(stderr)
    users = _lines_using(symbol["symbol"], lines) if symbol else []
    return "\n".join([f"{name} did not compile:", said, *users])


def complaints(stderr: str, source_lines: int) -> tuple[Complaint, ...]:
    """The errors that name a line of the kernel, in the compiler's order."""
    found = (
        Complaint(int(m["line"]), int(m["column"]) if m["column"] else None, m["text"].strip())
        for m in _LOCATED.finditer(stderr)
    )
    return tuple(c for c in found if 1 <= c.line <= source_lines)


def _counted(count: int, name: str) -> str:
    return f"{name} did not compile: {count} error{'s' if count > 1 else ''}"


def _excerpt(lines: list[str], complaint: Complaint) -> str:
    first = max(1, complaint.line - CONTEXT_LINES)
    last = min(len(lines), complaint.line + CONTEXT_LINES)
    rows = []
    for number in range(first, last + 1):
        text = lines[number - 1].expandtabs(1)  # compilers count a tab as one column
        rows.append(_numbered(number, text, marked=number == complaint.line))
        if number == complaint.line and complaint.column:
            rows.append(" " * 7 + "| " + " " * (complaint.column - 1) + "^")
    return "\n".join(rows)


def _lines_using(symbol: str, lines: list[str]) -> list[str]:
    word = re.compile(rf"\b{re.escape(symbol)}\b")
    users = [(n, line) for n, line in enumerate(lines, start=1) if word.search(line)]
    return [_numbered(n, line, marked=True) for n, line in users[: 2 * CONTEXT_LINES + 1]]


def _numbered(number: int, text: str, *, marked: bool) -> str:
    return f"{'>' if marked else ' '} {number:>4} | {text}".rstrip()
