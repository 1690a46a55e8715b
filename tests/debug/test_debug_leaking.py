"""labs.debug.find_leaks: lines whose buffers grow in number, and devices that keep memory."""

import numpy as np
import pytest

from labs.debug import DebugError, find_leaks


def test_find_leaks_when_results_are_kept_then_the_line_grows(x):
    kept = []

    def step():
        kept.append((x + 1).realize())

    found = find_leaks(step, "CPU", repeats=5)
    (site,) = found.growing
    assert site.place.startswith("test_debug_leaking.py:")
    assert site.code == "kept.append((x + 1).realize())"
    assert site.by_call == (1, 2, 3, 4, 5)
    assert (site.blocks, site.bytes) == (5, 5 * 140)
    assert found.leaks
    assert "1 line leaks" in str(found) or "1 line leak" in str(found)


def test_find_leaks_when_only_the_latest_is_kept_then_constant(x):
    latest = {}

    def step():
        latest["y"] = (x + 1).realize()

    found = find_leaks(step, "CPU", repeats=4)
    assert not found.leaks
    assert [s.growing for s in found.sites] == [False]


@pytest.mark.parametrize("device", ["CPU", "ELECTRICAL", "EDGE"])
def test_find_leaks_when_healthy_then_none(device, x):
    y = x.to(device).realize()
    found = find_leaks(lambda: y + 1, device, repeats=4)
    assert not found.leaks, str(found)
    assert found.sites == ()


def test_find_leaks_when_the_device_keeps_what_it_was_given_back_then_found(broken):
    from tinygrad import Tensor

    device = broken("LEAK")
    big = Tensor(np.ones(1 << 20, np.float32), device=device).realize()
    found = find_leaks(lambda: big + 1, device)
    assert found.kept_by_device, str(found)
    assert "which keeps them" in str(found)
    assert not found.growing


@pytest.mark.parametrize(
    ("function", "repeats", "said"), [(3, 8, "to be called again"), (print, 2, "at least 4")]
)
def test_find_leaks_when_asked_for_nonsense_then_it_says_so(function, repeats, said):
    with pytest.raises(DebugError, match=said):
        find_leaks(function, "CPU", repeats)
