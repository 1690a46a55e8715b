"""The one exit of every figure: an image with alternative text.

A notebook shows a Chart as HTML `<img alt=...>` (nbconvert and GitHub keep the alt text there, and
drop it from plain image/png outputs) with the same words as text/plain.
"""

import base64
import io
import sys
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Any

from matplotlib.figure import Figure

from labs.charts.style import CSS_DPI, RENDER_SCALE


@dataclass(frozen=True, eq=False)
class Chart:
    """A drawn figure and the sentence that says what it shows.

    Args:
        figure: a matplotlib Figure, complete.
        alt: what is compared, the main reading, the exception; one or two sentences, from the data.
    """

    figure: Figure
    alt: str

    def __post_init__(self) -> None:
        if not self.alt.strip():
            raise ValueError(
                "a chart needs alternative text: one sentence with what is compared and the main "
                "reading, made from the data"
            )

    @cached_property
    def png(self) -> bytes:
        """The image, drawn once."""
        from PIL import Image  # a dependency of matplotlib

        buffer = io.BytesIO()
        self.figure.savefig(buffer, format="png", dpi=CSS_DPI * RENDER_SCALE)
        buffer.seek(0)
        # a palette halves what each chart adds to a notebook, with no visible change
        palette = Image.open(buffer).convert("RGB").quantize(128, dither=Image.Dither.NONE)
        small = io.BytesIO()
        palette.save(small, format="png", optimize=True)
        return small.getvalue()

    @property
    def html(self) -> str:
        """The image tag, with alternative text and the width at which text is legible."""
        width = round(self.figure.get_figwidth() * CSS_DPI)
        data = base64.b64encode(self.png).decode()
        return (
            f'<img src="data:image/png;base64,{data}" alt="{escape(self.alt)}" '
            f'width="{width}" style="max-width:100%;height:auto">'
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": self.alt}

    def __str__(self) -> str:
        return self.alt

    def show(self) -> None:
        """Show the chart now; only needed when it isn't the last expression of a cell."""
        from IPython.display import display

        display(self)


def show(figure: Figure, alt: str) -> None:
    """Show any matplotlib figure the course's way: as an image with alternative text."""
    Chart(figure, alt).show()
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:  # a figure made with pyplot would otherwise be shown twice
        pyplot.close(figure)
