"""labs.widgets.ladder: rungs to click, options judged as they are typed, and a real short run."""

import pytest

from labs import widgets
from labs.gpu.rungs import NAMES, WORDS


@pytest.fixture
def panel():
    return widgets.ladder_panel("CPU", 16, rounds=2, round_time_s=0.005)


def test_a_click_shows_the_rungs_source_before_anything_is_measured(panel):
    assert list(panel.buttons) == list(NAMES)
    plain = panel.source.value
    panel.buttons["upcast"].click()
    assert panel.chosen == "upcast" and panel.source.value != plain
    assert WORDS["upcast"] in panel.words.value and "UPCAST 1 4" in panel.source.value
    assert panel.buttons["upcast"].button_style == "info"
    assert panel.ladder is None and "Nothing is measured yet" in panel.chart.value


def test_rungs_that_are_not_here_are_greyed_with_their_reason(panel):
    assert panel.buttons["local"].disabled and "no work groups" in panel.buttons["local"].tooltip
    assert panel.buttons["search"].disabled
    assert not panel.buttons["heuristic"].disabled


def test_options_are_judged_as_they_are_typed(panel):
    panel.own.value = "UPCAST 1 4; UPCAST 0 4"
    assert "These fit" in panel.legality.value and "stands 16 times" in panel.legality.value
    assert not panel.fight.run.disabled
    for text, words in (("UPCAST 1 3", "doesn&#x27;t divide"), ("UPCAST 1", "1 number, not 2")):
        panel.own.value = text
        assert words in panel.legality.value and panel.fight.run.disabled


def test_without_a_front_end_it_says_how_to_measure_the_same(panel):
    html = panel._repr_mimebundle_()["text/html"]
    assert "matmul_ladder(&quot;CPU&quot;, 16" in html and "Axes of the product" in html
    assert "nothing measured yet" in panel.static_text()


@pytest.mark.slow
def test_a_run_fills_the_ladder_and_options_of_ones_own_are_measured(panel, wait):
    panel.climb.run.click()
    wait(panel.climb)
    assert panel.climb.error is None and panel.ladder.measured
    assert 'alt="Throughput of a matmul' in panel.chart.value
    panel.choose("none")
    assert "FLOP/s" in panel.words.value and "All numbers" in panel.table.value
    panel.own.value = "UPCAST 1 4"
    panel.fight.run.click()
    wait(panel.fight)
    assert panel.fight.error is None and "Yours is" in panel.verdict.value
    again = widgets.ladder_panel("CPU", 16, ladder=panel.ladder)
    assert again.static_text() == panel.static_text()
