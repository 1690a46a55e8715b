"""Source text in a panel: coloured, and folded when it is long."""

from functools import cache
from html import escape

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

HEAD_LINES = 40  # what is shown before the fold
STYLE = "xcode"  # every colour of it can be read on white (tests/widgets/test_widgets_source.py)
_BLOCK = (
    "overflow-x:auto;line-height:1.3;font-size:12px;margin:4px 0;padding:6px 8px;white-space:pre;"
    "background:white;color:#222;font-family:monospace"
)


def source_html(text: str, language: str = "c") -> str:
    """Source with colours that need no style sheet; what follows the first 40 lines is folded.

    Args:
        text: the source.
        language: a name that pygments knows: "c", "python".
    """
    lines = _coloured(text.rstrip("\n"), language)
    head = _block(lines[:HEAD_LINES])
    rest = lines[HEAD_LINES:]
    if not rest:
        return head
    summary = f"{len(rest)} more line{'s' if len(rest) > 1 else ''}"
    return f"{head}<details><summary>{escape(summary)}</summary>{_block(rest)}</details>"


def _coloured(text: str, language: str) -> list[str]:
    # the formatter closes its spans at line ends, so the text can be cut between lines
    html = highlight(text, get_lexer_by_name(language, stripnl=False), _formatter())
    return html.rstrip("\n").split("\n")


def _block(lines: list[str]) -> str:
    body = "\n".join(lines)
    return f'<pre style="{_BLOCK}">{body}</pre>'


@cache
def _formatter() -> HtmlFormatter:
    return HtmlFormatter(noclasses=True, nowrap=True, style=STYLE)
