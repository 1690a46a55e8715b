import dataclasses

import numpy as np
import pytest
from tinygrad import Context, Tensor

from labs.electrical.blocks import Block, Channel
from labs.electrical.edge_fit import EdgeFit, edge_fit, fits_table
from labs.electrical.meters import Setting, Window
from labs.electrical.readings import Reading
from labs.errors import LabError

SETTING = Setting(10_000.0, (Channel("u", "V", 0.5, 1.0),), 50.0, 230.0)
WINDOW = 64
X = np.random.default_rng(5).normal(0, 100, (1, 4 * WINDOW)).astype(np.float32)


class Square:
    """The smallest meter: one kernel."""

    window = WINDOW
    hop = None
    parameters = 1
    raw = False

    def __init__(self, starts=(0, 0, 32), worst=1.0):
        self._starts, self.worst = list(starts), worst

    def step(self, x, parameters):
        factor = self.worst if x.device.startswith("EDGE") else 1.0
        return (x * x).sum(-1) * parameters[0] * factor

    def due(self, end):
        start = self._starts[0] if self._starts else end
        return Window(start, WINDOW, (2.0,)) if start + WINDOW <= end else None

    def read(self, outputs, window):
        self._starts.pop(0)
        value = float(outputs[0])
        return [Reading("square", "square", "u", value, "V", window.index, WINDOW, 0.0, 0.1)]


@pytest.fixture(autouse=True, scope="module")
def _no_compile_workers():
    with Context(PARALLEL=0):
        yield


@pytest.fixture(scope="module")
def fit() -> EdgeFit:
    return edge_fit(Square(), X, SETTING)


def test_fit_then_what_the_emulated_core_counted_and_what_the_model_makes_of_it(fit):
    assert fit.name == "Square of u" and (fit.core, fit.level) == ("cortex-m4", "Os")
    assert len(fit.runs) == 1 and fit.instructions == fit.runs[0].instructions > 3 * WINDOW
    assert fit.code_bytes == fit.runs[0].code_bytes > 0
    # 64 samples, one parameter, one answer: each buffer in steps of 64 B
    assert fit.ram_bytes == 4 * WINDOW + 64 + 64 + fit.runs[0].stack_bytes
    assert fit.model_cycles == fit.runs[0].model_cycles > fit.instructions
    assert fit.model_time_s == fit.model_cycles / 168e6
    assert fit.model_energy_j == pytest.approx(3.3 * 0.040 * fit.model_time_s)
    assert fit.fits and fit.reasons == () and fit.largest_error < 1e-6


def test_fit_of_a_meter_that_finds_its_cycle_first_then_the_period_is_of_what_follows(fit):
    assert (fit.window, fit.hop, fit.period_s) == (WINDOW, 32, 3.2e-3)
    assert fit.load == pytest.approx(fit.model_time_s / 3.2e-3)
    assert fit.most_fs_hz == pytest.approx(10_000 / fit.load)
    assert fit.model_power_w == pytest.approx(fit.model_energy_j / 3.2e-3)
    exact = 2 * np.sum(X[0, :WINDOW].astype(np.float64) ** 2)
    assert fit.readings[0].value == pytest.approx(exact, rel=1e-6)


def test_fit_then_a_table_that_says_what_is_modelled(fit):
    text = str(fit)
    assert "time (model)" in text and "not measured" in text and "<table" in fit._repr_html_()
    rows = fits_table([fit, dataclasses.replace(fit, model_time_s=1.0)]).rows
    assert [r[-1] for r in rows] == ["yes", "no"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ram_bytes": 200 << 10}, "RAM"),
        ({"code_bytes": 2 << 20}, "flash"),
        ({"model_time_s": 3e-3}, "93.8% of the time"),
        ({"largest_error": 2e-5}, "differ from the CPU"),
        ({"largest_error": float("nan")}, "differ from the CPU"),
    ],
)
def test_fit_when_something_is_too_much_then_it_does_not_and_why(fit, changes, reason):
    other = dataclasses.replace(fit, **changes)
    assert not other.fits and len(other.reasons) == 1 and reason in other.reasons[0]


@pytest.mark.parametrize("worst", [1.001, float("nan")])
def test_fit_when_the_answers_are_wrong_then_it_does_not(worst):
    found = edge_fit(Square(worst=worst), X, SETTING)
    assert not found.fits and "differ" in found.reasons[0]


def test_fit_of_counts_then_measured_in_the_channels_units():
    counts = np.arange(4 * WINDOW, dtype=np.int16)[None]
    found = edge_fit(Square(), Block(0, 0.0, 10_000.0, counts), SETTING)
    exact = 2 * np.sum((counts[0, :WINDOW] * 0.5 + 1.0) ** 2)
    assert found.readings[0].value == pytest.approx(exact, rel=1e-6)


def test_fit_of_a_kind_by_name_then_its_readings_are_right():
    t = np.arange(128) / 6_400
    x = 230 * np.sqrt(2) * np.sin(2 * np.pi * 50 * t)
    setting = Setting(6_400.0, (Channel("u", "V"),))
    found = edge_fit("rms", x, setting, window_s=0.02)
    values = {r.quantity: r.value for r in found.readings}
    assert values["rms"] == pytest.approx(230, rel=1e-5) and values["peak"] > 325
    assert found.fits and found.name == "rms of u" and found.hop == 128


@pytest.mark.parametrize(
    ("samples", "words"),
    [(X[:, :10], "one window|a window of 64"), (np.zeros((2, 256), np.float32), "1 channels")],
)
def test_fit_with_samples_that_cannot_be_then_refused(samples, words):
    with pytest.raises(LabError, match=words):
        edge_fit(Square(), samples, SETTING)


def test_fit_of_a_meter_that_never_goes_on_then_refused():
    with pytest.raises(LabError, match="find its beginning"):
        edge_fit(Square(starts=(0,) * 9), X, SETTING)


def test_fit_of_a_window_without_room_then_said():
    class Large(Square):
        def step(self, x, parameters):
            return (Tensor.zeros(9 << 20, device=x.device).contiguous() + x[0, 0]).contiguous()

    with pytest.raises(LabError, match="shorter window"):
        edge_fit(Large(), X, SETTING)
