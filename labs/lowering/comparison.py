"""Two kernels' sources side by side; each difference is marked by a symbol and by a colour."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from html import escape

from labs.errors import LoweringError
from labs.lowering.model import Kernel

_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
_ALIKE = 0.6  # lines less alike than this are two lines, not one that changed
_WORDS = {"=": "same", "~": "changed", "<": "only left", ">": "only right"}
# long lines wrap: with both columns in view there is nothing to scroll to
_CELL = (
    "padding:0 4px;white-space:pre-wrap;overflow-wrap:anywhere;vertical-align:top;"
    "font-family:monospace;text-align:left"
)
_NARROW = "<col style='width:3em'>"  # line numbers, and the mark between the two sides
_COLUMNS = f"<colgroup>{_NARROW}<col>{_NARROW}{_NARROW}<col></colgroup>"
_FILL = {"=": "", "~": "background:#fff3c4", "<": "background:#fde2d4", ">": "background:#dbeafe"}
_CHANGED = "background:none;color:inherit;font-weight:700;text-decoration:underline"

Spans = tuple[tuple[str, bool], ...]


@dataclass(frozen=True)
class ComparedLine:
    """One row of the comparison.

    Args:
        mark: "=" same but for indentation, "~" changed, "<" only on the left, ">" only on the
            right.
        left, right: the line cut into (text, differs) pieces; empty where there is none.
        left_number, right_number: line numbers from 1, or None.
    """

    mark: str
    left_number: int | None
    left: Spans
    right_number: int | None
    right: Spans


@dataclass(frozen=True)
class SourceComparison:
    """Two sources aligned line by line."""

    left_title: str
    right_title: str
    lines: tuple[ComparedLine, ...]

    @property
    def same(self) -> int:
        return sum(line.mark == "=" for line in self.lines)

    @property
    def different(self) -> int:
        return len(self.lines) - self.same

    def html(self, max_lines: int = 60) -> str:
        """A table with a column of marks; lines beyond max_lines fold away."""
        shown, rest = self.lines[:max_lines], self.lines[max_lines:]
        caption = escape(f"{self.left_title} | {self.right_title}: {self._summary()}")
        parts = [self._table(shown, f"<caption>{caption}</caption>")]
        if rest:
            more = f"<summary>{len(rest)} more lines</summary>"
            parts.append(f"<details>{more}{self._table(rest, '')}</details>")
        return f"<div tabindex='0' style='overflow-x:auto'>{''.join(parts)}</div>"

    def _table(self, lines: Sequence[ComparedLine], caption: str) -> str:
        heads = ("", self.left_title, "", "", self.right_title)
        head = "".join(f"<th scope='col' style='text-align:left'>{escape(h)}</th>" for h in heads)
        body = "".join(_row(line) for line in lines)
        table = f"{caption}{_COLUMNS}<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
        look = (
            "border-collapse:collapse;font-size:90%;table-layout:fixed;width:100%;min-width:640px"
        )
        return f"<table style='{look}'>{table}</table>"

    def _repr_html_(self) -> str:
        return self.html()

    def __str__(self) -> str:
        width = max([len(_plain(line.left)) for line in self.lines] + [len(self.left_title)])
        head = f"{self.left_title:<{width}}   {self.right_title}   ({self._summary()})"
        rows = (f"{_plain(x.left):<{width}} {x.mark} {_plain(x.right)}" for x in self.lines)
        return "\n".join([head, *(row.rstrip() for row in rows)])

    def _summary(self) -> str:
        marks = {m: sum(line.mark == m for line in self.lines) for m in _WORDS}
        return ", ".join(f"{n} {_WORDS[m]} ({m})" for m, n in marks.items() if n)


def compare_sources(left: Kernel, right: Kernel) -> SourceComparison:
    """Align two kernels' sources.

    Raises:
        LoweringError: an argument is not a Kernel.
    """
    for kernel in (left, right):
        if not isinstance(kernel, Kernel):
            got = f"{kernel!r}"[:80]
            step = "take one from lower(...).kernels"
            raise LoweringError("Compare two kernels", expected="Kernels", got=got, next_step=step)
    a, b = left.source.splitlines(), right.source.splitlines()
    lines: list[ComparedLine] = []
    # how deep a line stands shows in the loops around it, and is no difference of its own
    bare_a, bare_b = [line.strip() for line in a], [line.strip() for line in b]
    matcher = SequenceMatcher(None, bare_a, bare_b, autojunk=False)
    for tag, a0, a1, b0, b1 in matcher.get_opcodes():
        if tag == "equal":
            for i, j in zip(range(a0, a1), range(b0, b1), strict=True):
                lines.append(ComparedLine("=", i + 1, _whole(a[i]), j + 1, _whole(b[j])))
        else:
            for i, j in _pairs(a[a0:a1], b[b0:b1]):
                lines += _different(a, _plus(i, a0), b, _plus(j, b0))
    return SourceComparison(_title(left), _title(right), tuple(lines))


def _pairs(a: Sequence[str], b: Sequence[str]) -> list[tuple[int | None, int | None]]:
    """Which line of a changed block became which: the alignment of most likeness, in order."""
    likeness = [[_likeness(x, y) for y in b] for x in a]
    best = [[0.0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in reversed(range(len(a))):
        for j in reversed(range(len(b))):
            paired = likeness[i][j] + best[i + 1][j + 1] if likeness[i][j] >= _ALIKE else 0.0
            best[i][j] = max(paired, best[i + 1][j], best[i][j + 1])
    pairs: list[tuple[int | None, int | None]] = []
    i = j = 0
    while i < len(a) or j < len(b):
        if i < len(a) and best[i][j] == best[i + 1][j]:
            pairs.append((i, None))
            i += 1
        elif j < len(b) and best[i][j] == best[i][j + 1]:
            pairs.append((None, j))
            j += 1
        else:
            pairs.append((i, j))
            i, j = i + 1, j + 1
    return pairs


def _likeness(a: str, b: str) -> float:
    """Share of words and signs that two lines have in common, whatever their order."""
    x, y = Counter(_TOKEN.findall(a.replace(" ", ""))), Counter(_TOKEN.findall(b.replace(" ", "")))
    total = x.total() + y.total()
    return 2 * (x & y).total() / total if total else 1.0


def _plus(number: int | None, offset: int) -> int | None:
    return None if number is None else number + offset


def _different(a: list[str], i: int | None, b: list[str], j: int | None) -> list[ComparedLine]:
    if j is None:
        return [ComparedLine("<", i + 1, _whole(a[i]), None, ())]
    if i is None:
        return [ComparedLine(">", None, (), j + 1, _whole(b[j]))]
    old, new = _TOKEN.findall(a[i].strip()), _TOKEN.findall(b[j].strip())
    codes = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    left = tuple(("".join(old[p:q]), tag != "equal") for tag, p, q, _, _ in codes if q > p)
    right = tuple(("".join(new[p:q]), tag != "equal") for tag, _, _, p, q in codes if q > p)
    left, right = (_indent(a[i]), *left), (_indent(b[j]), *right)
    return [ComparedLine("~", i + 1, left, j + 1, right)]


def _indent(line: str) -> tuple[str, bool]:
    return line[: len(line) - len(line.lstrip())], False


def _whole(text: str) -> Spans:
    return ((text, False),)


def _plain(spans: Spans) -> str:
    return "".join(text for text, _ in spans)


def _title(kernel: Kernel) -> str:
    return f"{kernel.target}, {kernel.language}"


def _row(line: ComparedLine) -> str:
    mark = f"<abbr title='{_WORDS[line.mark]}'>{escape(line.mark)}</abbr>"
    style = f"{_CELL};{_FILL[line.mark]};color:#111" if _FILL[line.mark] else _CELL
    cells = (
        (_CELL, str(line.left_number or "")),
        (style if line.left else _CELL, _html(line.left)),
        (_CELL, mark),
        (_CELL, str(line.right_number or "")),
        (style if line.right else _CELL, _html(line.right)),
    )
    return f"<tr>{''.join(f'<td style={chr(34)}{s}{chr(34)}>{c}</td>' for s, c in cells)}</tr>"


def _html(spans: Spans) -> str:
    return "".join(
        f"<mark style='{_CHANGED}'>{escape(text)}</mark>" if differs else escape(text)
        for text, differs in spans
    )
