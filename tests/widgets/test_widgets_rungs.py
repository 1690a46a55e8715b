"""labs.widgets.rungs: every rung can be read, with its words and its source."""

import re
from html import unescape

import pytest

from labs import widgets
from labs.errors import LabError
from labs.gpu.cuda.rungs import LADDER


def plain(html):
    return unescape(re.sub(r"<[^>]+>", "", html))


@pytest.mark.parametrize("rung", LADDER, ids=[r.name for r in LADDER])
def test_a_rung_shows_its_words_and_its_whole_source(rung):
    panel = widgets.rung_explorer(rung.name)
    shown = plain(panel.static_html())
    for words in (rung.title, rung.change, rung.reason, rung.limit):
        assert words in shown
    assert [x for x in rung.source.splitlines() if x.strip() and x.rstrip() not in shown] == []


def test_choosing_another_rung_shows_it_and_names_the_one_below():
    panel = widgets.rung_explorer()
    assert panel.rung == "naive" and "below it" not in panel.static_html()
    panel.buttons.value = "shared"
    assert panel.rung == "shared"
    assert "matmul_shared" in plain(panel.output.value)
    assert "Rung 3 of 8: shared, tile in shared memory (below it: coalesced)" in panel.static_html()


def test_without_a_front_end_it_shows_the_same():
    bundle = widgets.rung_explorer("vector")._repr_mimebundle_()
    assert "matmul_vector" in plain(bundle["text/html"])
    assert bundle["text/plain"].startswith("Rung 'vector': ")


def test_an_unknown_rung_names_those_there_are():
    with pytest.raises(LabError, match="naive, coalesced"):
        widgets.rung_explorer("fastest")
