"""What all widgets share: a panel that is never empty where there is no front end.

A notebook on GitHub, in a PDF, or run by nbval has no widget manager. Each panel therefore shows
itself as a widget and, in the same output, as HTML and text that say the same with what is known so
far. JupyterLab and VS Code prefer the widget, everything else falls back to the HTML.
"""

import traceback
from collections.abc import Sequence
from html import escape
from typing import Any

import ipywidgets as widgets

from labs.errors import LabError

_MESSAGE = (
    "border-left:4px solid {};padding:4px 10px;margin:6px 0;white-space:pre-wrap;line-height:1.4"
)
_ERROR, _NOTICE = "#b3261e", "#767676"


class Panel(widgets.VBox):
    """A column of widgets with a static equivalent. Subclasses give `static_html`."""

    title = "Panel"

    def __init__(self, children: Sequence[widgets.Widget], **settings: Any) -> None:
        super().__init__(children, **settings)
        self.add_class("course-" + self.title.lower().replace(" ", "-"))

    def static_html(self) -> str:
        """The panel's present content as HTML that needs no front end."""
        raise NotImplementedError

    def static_text(self) -> str:
        """One line for a terminal."""
        return f"{self.title} (interactive in JupyterLab)"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        bundle = super()._repr_mimebundle_(**kwargs)
        try:
            bundle["text/html"] = self.static_html()
        except Exception as error:  # the widget itself must still appear
            bundle["text/html"] = error_html(error)
        bundle["text/plain"] = self.static_text()
        return bundle


def error_html(error: BaseException) -> str:
    """An error as a message in a panel: a LabError's own words, else also where it happened."""
    if isinstance(error, LabError):
        return message_html(str(error), kind="Error", colour=_ERROR)
    where = "".join(traceback.format_exception(error))
    details = f"<details><summary>where it happened</summary>{code_html(where)}</details>"
    return message_html(f"{type(error).__name__}: {error}", kind="Error", colour=_ERROR) + details


def notice_html(text: str) -> str:
    """Something the reader should know that is no error."""
    return message_html(text, kind="", colour=_NOTICE)


def message_html(text: str, *, kind: str, colour: str) -> str:
    """A framed message; screen readers announce it."""
    head = f"<b>{escape(kind)}:</b> " if kind else ""
    style = _MESSAGE.format(colour)
    return f'<div role="status" style="{style}">{head}{escape(text)}</div>'


def code_html(text: str) -> str:
    """Source or other aligned text, scrolling sideways instead of wrapping."""
    style = "overflow-x:auto;line-height:1.3;font-size:12px;margin:4px 0;white-space:pre"
    return f'<pre style="{style}">{escape(text)}</pre>'


def tight(html: str) -> str:
    """HTML with the line height of text: inside a widget it would be that of a button."""
    return f'<div style="line-height:1.4">{html}</div>'


def labelled(text: str, *children: widgets.Widget) -> widgets.VBox:
    """Children under a small heading."""
    heading = widgets.HTML(f"<b>{escape(text)}</b>")
    return widgets.VBox([heading, *children], layout=widgets.Layout(margin="0 12px 0 0"))
