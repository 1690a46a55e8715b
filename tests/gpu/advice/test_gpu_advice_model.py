"""labs.gpu.advice.model: what a recommendation says of itself, before and after it was applied."""

import pytest

from labs.bench import Interval
from labs.bench.compare import Comparison
from labs.errors import LabError
from labs.gpu.advice import Applied, NotAdvised, Recommendation, Recommendations, Verified


def make(rule="fuse", expected=2.4, limit=True):
    return Recommendation(
        "memory", rule, f"Do {rule}.", ("3 launches",), expected, "bytes", lambda: None, limit
    )


def verified(word="faster", gain=2.0, **others):
    interval = Interval(gain * 0.9, gain * 1.1)
    comparison = Comparison("a -> b", "CPU", "CPU", gain, interval, word, True, 10)
    return Verified(make(**others), comparison)


@pytest.mark.parametrize(
    ("word", "gain", "helped", "text"),
    [
        ("faster", 2.0, True, "It helped: 2x, expected at most 2.4x."),
        ("slower", 0.5, False, "It did not help: it is slower here (0.5x, expected at most 2.4x)."),
        ("not resolved", 1.01, False, "It did not help: no difference was resolved (1.01x"),
    ],
)
def test_applied_when_compared_then_it_says_whether_it_helped(word, gain, helped, text):
    found = verified(word, gain)
    assert found.helped is helped and found.gain == gain
    assert found.statement().startswith(text)
    assert text[:20] in str(found)


def test_applied_when_it_failed_then_the_reason():
    found = Verified(make(), None, failure="it does not compile")
    assert (found.word, found.helped, found.gain) == ("not applied", False, None)
    assert "it does not compile" in str(found)


def test_recommendations_when_listed_then_evidence_and_the_silent_rules():
    made = Recommendations(
        "w", "CPU", (make(), make("jit", None)), (NotAdvised("a", "half", "no"),)
    )
    text = str(made)
    assert "<= 2.4x" in text and "3 launches" in text and "half: no" in text
    assert made["jit"].expected_gain is None and made[0].rule == "fuse" and len(made) == 2


@pytest.mark.parametrize(("rule", "got"), [("half", "not advised here: no"), ("x", "no rule")])
def test_recommendations_when_asked_for_another_then_why_not(rule, got):
    made = Recommendations("w", "CPU", (make(),), (NotAdvised("a", "half", "no"),))
    with pytest.raises(LabError, match=got):
        made[rule]


def test_applied_list_then_one_row_for_each():
    text = str(Applied((verified(), Verified(make("search"), None, failure="no compiler"))))
    assert "[1.8x, 2.2x]" in text and "no compiler" in text
