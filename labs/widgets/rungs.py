"""The hand-written matmul ladder to read: what a rung changes and why, and its CUDA source."""

from html import escape

import ipywidgets as widgets
import traitlets

from labs.gpu.cuda.rungs import LADDER, rung
from labs.widgets.panel import Panel, tight
from labs.widgets.source import source_html

_NAMES = tuple(r.name for r in LADDER)


class RungExplorer(Panel):
    """Choose a rung; `rung` is its name. Nothing is compiled: a GPU isn't needed."""

    title = "Rung explorer"
    rung = traitlets.Unicode()

    def __init__(self, name: str = "naive") -> None:
        chosen = rung(name).name  # its error names those there are
        self.buttons = widgets.ToggleButtons(options=_NAMES, value=chosen)
        self.buttons.style.button_width = "98px"
        self.output = widgets.HTML("")
        super().__init__([self.buttons, self.output])
        traitlets.link((self.buttons, "value"), (self, "rung"))
        self.buttons.observe(lambda _: self._show(), "value")
        self._show()

    def _show(self) -> None:
        self.output.value = tight(rung_html(self.rung))

    def static_html(self) -> str:
        return rung_html(self.rung)

    def static_text(self) -> str:
        return f"Rung '{self.rung}': {rung(self.rung).change}"


def rung_html(name: str) -> str:
    """A rung's words and its source.

    Raises:
        LabError: for an unknown one.
    """
    one = rung(name)
    number = _NAMES.index(one.name)
    below = f" (below it: {_NAMES[number - 1]})" if number else ""
    rows = (
        ("It changes", one.change),
        ("This should help, because", one.reason),
        ("What holds it back then", one.limit),
    )
    words = "".join(
        f"<tr><td style='text-align:left;vertical-align:top;white-space:nowrap'>"
        f"<b>{escape(head)}</b></td><td style='text-align:left'>{escape(text)}</td></tr>"
        for head, text in rows
    )
    heading = f"Rung {number + 1} of {len(_NAMES)}: {one.name}, {one.title}{below}"
    return f"<p><b>{escape(heading)}</b></p><table>{words}</table>{source_html(one.source, 'cuda')}"
