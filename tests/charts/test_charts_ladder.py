"""labs.charts.ladder: the ladder's findings, rungs that aren't here, and the roof."""

from types import SimpleNamespace

import pytest

from labs.bench import compare
from labs.charts.ladder import ladder_chart
from labs.errors import ResultError

FLOP = 2 * 256**3


@pytest.fixture
def make_ladder(make):
    def build(times, missing=(), *, roofs=None, device="CPU", modelled=False):
        from dataclasses import replace

        rows = {}
        for i, (name, seconds) in enumerate(times.items()):
            m = make.measurement(
                f"{name}/n=256/float32/warm/device",
                device,
                seconds,
                seed=i,
                clock="device",
                modelled=modelled,
            )
            rows[name] = replace(m, flop=FLOP)
        rungs, before = [], None
        for i, name in enumerate((*times, *missing)):
            m = rows.get(name)
            step = compare(before, m, implementations=True) if before and m else None
            total = compare(rows["none"], m, implementations=True) if m and i else None
            rungs.append(
                SimpleNamespace(
                    name=name,
                    words="",
                    opts=() if m else None,
                    reason="" if m else "this device has no work groups",
                    measurement=m,
                    flop_per_s=m.flop_per_s if m else None,
                    intensity_accessed=0.25 * 2**i if m else None,
                    before="the one before",
                    step=step,
                    total=total,
                )
            )
            before = m or before
        return SimpleNamespace(
            workload="matmul:n=256,dtype=float32",
            device=device,
            clock="device",
            intensity=42.7,
            rungs=tuple(rungs),
            roofs=roofs,
            modelled=modelled,
        )

    return build


def _texts(chart):
    return [t.get_text() for axes in chart.figure.axes for t in axes.texts]


def test_the_title_names_the_best_rung_and_the_largest_step(make_ladder):
    chart = ladder_chart(make_ladder({"none": 16e-3, "upcast": 2e-3, "unroll": 1e-3}))
    assert "'unroll' reaches" in chart.alt and "the largest step is 'upcast'" in chart.alt
    assert "not resolved" in chart.figure.texts[-1].get_text()


def test_rungs_that_are_not_here_have_their_reason_in_their_row(make_ladder):
    ladder = make_ladder({"none": 2e-3, "upcast": 1e-3}, missing=("local",))
    chart = ladder_chart(ladder)
    assert "not here: this device has no work groups" in _texts(chart)
    assert "Not on this device: local" in chart.alt
    labels = [t.get_text() for t in chart.figure.axes[0].get_yticklabels()]
    assert labels == ["none", "upcast", "local"]


def test_a_step_that_is_not_resolved_has_a_question_mark(make_ladder):
    chart = ladder_chart(make_ladder({"none": 1e-3, "upcast": 1e-3}))
    assert any(t.endswith("over the one before ?") for t in _texts(chart))


def test_rungs_in_one_place_share_a_label(make_ladder):
    ladder = make_ladder({"none": 4e-3, "upcast": 1e-3, "unroll": 1e-3})
    ladder.rungs[2].intensity_accessed = ladder.rungs[1].intensity_accessed
    assert "upcast, unroll" in _texts(ladder_chart(ladder))


def test_the_roof_is_drawn_when_it_is_of_the_same_kind(make_ladder):
    roof = SimpleNamespace(value=1e11)
    roofs = SimpleNamespace(modelled=False, compute=lambda dtype, tensor: roof)
    times = {"none": 2e-3, "upcast": 1e-3}
    assert "arithmetic roof 100 GFLOP/s, measured" in _texts(
        ladder_chart(make_ladder(times, roofs=roofs))
    )
    modelled = make_ladder(times, roofs=roofs, device="EDGE", modelled=True)
    chart = ladder_chart(modelled)  # a measured roof isn't drawn beside a model's times
    assert not any("roof" in t for t in _texts(chart))
    assert "Modelled throughput" in chart.alt


def test_the_chosen_rung_is_ringed(make_ladder):
    ladder = make_ladder({"none": 2e-3, "upcast": 1e-3})
    plain, chosen = ladder_chart(ladder), ladder_chart(ladder, "upcast")
    count = [sum(len(a.lines) for a in c.figure.axes) for c in (plain, chosen)]
    assert count[1] == count[0] + 2  # one ring in each panel


def test_a_ladder_without_a_measurement_is_refused(make_ladder):
    with pytest.raises(ResultError, match="draw a matmul ladder"):
        ladder_chart(make_ladder({}, missing=("none",)))
