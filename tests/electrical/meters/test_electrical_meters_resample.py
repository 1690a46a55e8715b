"""Interpolation and tracking alone: what the meters' accuracy stands on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labs.electrical.meters import resample, sync


@pytest.mark.parametrize(("part", "error"), [(0.01, 2e-7), (0.25, 2e-7), (0.3, 2e-6)])
def test_coefficients_when_any_fraction_then_within_the_stated_error(part, error):
    mu = np.linspace(0, 1, 101)
    taps = np.vander(mu - 0.5, resample.DEGREE + 1, increasing=True) @ resample.coefficients()
    place = np.arange(resample.TAPS) - resample.MARGIN + 1
    response = (taps * np.exp(2j * np.pi * part * (place - mu[:, None]))).sum(1)
    assert abs(response - 1).max() < error


def halves(turn, offset, count=10, amplitude=1.0, points=400):
    """Phasors of half cycles of a sine whose zero crossing is `offset` cycles into the window."""
    n = np.arange(count * points) / points
    x = amplitude * np.sin(2 * np.pi * (1 + turn) * (n - offset))
    wave = np.exp(-2j * np.pi * n) * 2 / points
    return (x * wave).reshape(2 * count, -1).sum(-1)


@settings(max_examples=40, deadline=None)
@given(st.floats(-0.01, 0.01), st.floats(-0.24, 0.24))
def test_fit_when_a_sine_is_off_then_it_says_by_how_much(turn, offset):
    found = sync.fit(halves(turn, offset))
    assert abs(found.turn - turn) < 0.02 * abs(turn) + 1e-9
    assert abs(found.offset - offset) < 0.3 * abs(turn) + 1e-9
    assert abs(found.magnitude - 1) < 0.1


def test_fit_when_an_event_is_in_the_window_then_the_line_stays():
    spoilt = halves(1e-4, 0.01)
    spoilt[13] *= 0.3 * np.exp(0.5j)
    spoilt[14:] *= 0.02
    found = sync.fit(spoilt)
    assert abs(found.turn - 1e-4) < 1e-6 and abs(found.offset - 0.01) < 1e-4


def test_fit_when_there_is_no_sine_then_none():
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(20) + 1j * rng.standard_normal(20)
    assert sync.fit(np.zeros(20, complex)) is None
    assert sync.fit(np.full(20, np.nan + 0j)) is None
    assert sync.fit(noise) is None
