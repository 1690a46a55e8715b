"""labs.charts.chart: the one exit of figures."""

import sys

import pytest
from matplotlib.figure import Figure

from labs import charts
from labs.charts import Chart


def test_a_chart_shows_as_an_image_with_alternative_text():
    figure = Figure(figsize=(2, 1))
    bundle = Chart(figure, 'A "quoted" <reading> & more')._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    assert bundle["text/plain"] == 'A "quoted" <reading> & more'
    assert 'alt="A &quot;quoted&quot; &lt;reading&gt; &amp; more"' in bundle["text/html"]
    assert bundle["text/html"].startswith('<img src="data:image/png;base64,iVBOR')
    assert 'width="192"' in bundle["text/html"]


@pytest.mark.parametrize("alt", ["", "  \n"])
def test_a_chart_without_alternative_text_is_refused(alt):
    with pytest.raises(ValueError, match="needs alternative text"):
        Chart(Figure(), alt)


def test_show_prints_the_reading_where_there_is_no_notebook(capsys):
    charts.show(Figure(figsize=(1, 1)), "CL is faster.")
    assert "CL is faster." in capsys.readouterr().out


def test_making_charts_leaves_no_global_state(make):
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    charts.benchmark_chart(make.results({("add", "CPU"): 1e-3, ("add", "CL"): 2e-3}))
    assert dict(mpl.rcParams) == before
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or pyplot.get_fignums() == []
