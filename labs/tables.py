"""Plain data as a table, for notebooks (HTML) and terminals (text): the one way to show rows.

A leaf beside units: cells arrive as text that `labs.units` has formatted, or as plain strings and
whole numbers.
"""

from dataclasses import dataclass
from html import escape
from itertools import zip_longest

_STYLE = "border-collapse:collapse;font-variant-numeric:tabular-nums"
# numbers stay on one line, long names may break anywhere
_ALIGN = {
    "right": "text-align:right;white-space:nowrap",
    "left": "text-align:left;overflow-wrap:break-word",
}
_TITLE = "<caption style='text-align:left;font-weight:600'>{}</caption>"
_NOTE = "<p style='font-size:90%;margin:2px 0'>{}</p>"
_CELL = "padding:2px 10px;border-bottom:1px solid #bbb;vertical-align:top"


@dataclass(frozen=True)
class Table:
    """Rows under named columns.

    Args:
        title: one line above the table, may be empty.
        columns: the column names, with units where the cells carry none.
        rows: one tuple of cells per row, as long as `columns`; None shows as an en dash.
        note: one line below (how it was measured, what is left out), may be empty.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    note: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", tuple(self.columns))
        object.__setattr__(self, "rows", tuple(tuple(row) for row in self.rows))
        for row in self.rows:
            if len(row) != len(self.columns):
                names = ", ".join(self.columns)
                expected = f"expected {len(self.columns)} ({names})"
                raise ValueError(f"a table row has {len(row)} cells, {expected}: {row}")

    def __str__(self) -> str:
        cells = [[_text(c) for c in row] for row in (self.columns, *self.rows)]
        widths = [
            max(len(line) for row in cells for line in row[i].split("\n"))
            for i in range(len(self.columns))
        ]
        right = [self._is_numeric(i) for i in range(len(self.columns))]
        lines = [self.title] if self.title else []
        for number, row in enumerate(cells):
            for cell_lines in zip_longest(*(c.split("\n") for c in row), fillvalue=""):
                aligned = zip(cell_lines, widths, right, strict=True)
                parts = [c.rjust(w) if r else c.ljust(w) for c, w, r in aligned]
                lines.append("  ".join(parts).rstrip())
            if number == 0:
                lines.append("  ".join("-" * w for w in widths))
        return "\n".join(lines + ([self.note] if self.note else []))

    def _repr_html_(self) -> str:
        align = ["right" if self._is_numeric(i) else "left" for i in range(len(self.columns))]
        title = _TITLE.format(escape(self.title)) if self.title else ""
        note = _NOTE.format(escape(self.note)) if self.note else ""
        head = _html_row('th scope="col"', self.columns, align)
        body = "".join(_html_row("td", row, align) for row in self.rows)
        table = f"<table style='{_STYLE}'>{title}<thead>{head}</thead><tbody>{body}</tbody></table>"
        return f"<div style='overflow-x:auto'>{table}</div>{note}"

    def markdown(self) -> str:
        """The table for a Markdown file: GitHub's pipes, the title above and the note below."""
        align = ["--:" if self._is_numeric(i) else "---" for i in range(len(self.columns))]
        rows = [[_markdown_text(c) for c in row] for row in (self.columns, *self.rows)]
        lines = [f"| {' | '.join(row)} |" for row in [rows[0], align, *rows[1:]]]
        title = [f"**{self.title}**", ""] if self.title else []
        return "\n".join([*title, *lines, *(["", self.note] if self.note else [])]) + "\n"

    def _is_numeric(self, column: int) -> bool:
        cells = [_text(row[column]) for row in self.rows]
        return bool(cells) and all(c[:1].isdigit() or c[:1] in "-–[<~" for c in cells if c)


class TableView:
    """Mixin for data that shows itself as the table its `table()` returns, everywhere.

    Without it a notebook's text form would be the dataclass's own repr: everything it holds. Use it
    with `@dataclass(frozen=True, repr=False)`.
    """

    def __str__(self) -> str:
        return str(self.table())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()


def _html_row(tag: str, cells: tuple[object, ...], align: list[str]) -> str:
    parts = [
        f"<{tag} style='{_CELL};{_ALIGN[a]}'>{_html_text(c)}</{tag.split()[0]}>"
        for a, c in zip(align, cells, strict=True)
    ]
    return f"<tr>{''.join(parts)}</tr>"


def _html_text(cell: object) -> str:
    return escape(_text(cell)).replace("\n", "<br>")


def _markdown_text(cell: object) -> str:
    return _text(cell).replace("|", "\\|").replace("\n", "<br>")


def _text(cell: object) -> str:
    return "–" if cell is None else str(cell)
