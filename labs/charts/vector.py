"""A chart as vector graphics: for pages with many of them, where it is drawn four times as fast."""

import base64
import io
from html import escape

from labs.charts.chart import Chart
from labs.charts.style import CSS_DPI


def vector_html(chart: Chart) -> str:
    """The image tag, as `chart.html`, with an SVG that needs no font and no network.

    It is inside an image of its own, so names in it can't meet those of another chart.
    """
    buffer = io.BytesIO()
    chart.figure.savefig(buffer, format="svg", metadata={"Date": None})
    width = round(chart.figure.get_figwidth() * CSS_DPI)
    data = base64.b64encode(buffer.getvalue()).decode()
    return (
        f'<img src="data:image/svg+xml;base64,{data}" alt="{escape(chart.alt)}" '
        f'width="{width}" style="max-width:100%;height:auto">'
    )
