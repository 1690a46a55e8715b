"""E2: subgroups against numpy's FFT and known amplitudes; gate 5e-6 of H1."""

import numpy as np
import pytest
from supply import FS_HZ, RMS_V, setting, sine, values
from tinygrad import Tensor

from labs.electrical.meters import cycles, folded_dft
from labs.electrical.meters.run import run_meter
from labs.errors import LabError

GATE = 5e-6
AMPLITUDES = np.random.default_rng(1).uniform(0.001, 0.1, 51)
AMPLITUDES[1] = 1
PARTS = tuple((h, AMPLITUDES[h], 0.7 * h * h) for h in range(2, 51))


def check(readings, highest=50, gate=GATE):
    h1 = values(readings, "h1")
    assert len(h1)
    np.testing.assert_allclose(h1, RMS_V, rtol=gate)
    for h in range(2, highest + 1):
        found = values(readings, f"h{h}") / 100 * h1
        np.testing.assert_allclose(found, AMPLITUDES[h] * RMS_V, atol=gate * RMS_V, rtol=0)
    thds = 100 * np.sqrt((AMPLITUDES[2 : highest + 1] ** 2).sum())
    np.testing.assert_allclose(values(readings, "thds"), thds, atol=100 * gate * 7)


@pytest.mark.parametrize(
    ("frequency_hz", "sampling", "windows", "device"),
    [
        (50.0, "coherent", 3, "ELECTRICAL"),
        (49.3, "tracked", 2, "CPU"),
        (42.5, "tracked", 2, "CPU"),
        (57.5, "tracked", 3, "CPU"),
    ],
)
def test_harmonics_when_any_frequency_then_known_amplitudes(
    frequency_hz, sampling, windows, device
):
    x = sine(frequency_hz, 0.6, PARTS, phase=0.4)
    readings = run_meter("harmonics", x, setting(), device, sampling=sampling)
    check(readings)
    assert len(values(readings, "h1")) == windows
    assert max(r.value for r in readings if r.quantity.startswith("ih")) < 2e-3  # %


def test_harmonics_when_another_device_and_60_hz_then_the_same():
    x = sine(60.0, 0.41, PARTS[:39], fs_hz=15_360.0)
    readings = run_meter(
        "harmonics", x, setting(fs_hz=15_360.0, nominal_hz=60.0), "CPU",
        highest=40, interharmonics="no", sampling="coherent",
    )  # fmt: skip
    check(readings, 40)
    assert {r.count for r in readings} == {12 * 256}


def test_bins_when_folded_then_those_of_the_whole_fft():
    count, points = 12, 40
    x = np.random.default_rng(0).standard_normal((2, count * points)).astype(np.float32)
    plan = folded_dft.Plan(count, points, 15, tuple(range(1, count // 2 + 1)))
    tables = {n: cycles.constant(v, "ELECTRICAL") for n, v in plan.tables().items()}
    re, im = folded_dft.bins(Tensor(x, device="ELECTRICAL"), plan, tables)
    found = (re + 0).numpy() + 1j * (im + 0).numpy()
    whole, h = np.fft.fft(x.astype(float)), np.arange(16)
    scale = np.sqrt(count * points)
    np.testing.assert_allclose(found[0][:, h], whole[:, count * h], atol=3e-6 * scale)
    for i, r in enumerate(plan.beside):
        for place, k in ((1 + 2 * i, count * h + r), (2 + 2 * i, count * h - r)):
            np.testing.assert_allclose(found[place][:, h], whole[:, k], atol=3e-6 * scale)


def test_harmonics_when_a_tone_lies_between_then_an_interharmonic_subgroup():
    t = np.arange(int(0.4 * FS_HZ)) / FS_HZ
    x = sine(50.0, 0.4) + 2.3 * np.sqrt(2) * np.sin(2 * np.pi * 175.0 * t)
    x += 4.6 * np.sqrt(2) * np.sin(2 * np.pi * 255.0 * t)  # bin 51: a side of harmonic 5
    readings = run_meter("harmonics", x, setting(), "ELECTRICAL", sampling="coherent")
    np.testing.assert_allclose(values(readings, "ih3"), 1.0, atol=1e-4)
    np.testing.assert_allclose(values(readings, "h5"), 2.0, atol=1e-4)
    for quiet in ("ih2", "ih4", "ih5", "h3", "h4"):
        np.testing.assert_allclose(values(readings, quiet), 0.0, atol=1e-4)


def test_harmonics_when_nan_or_no_supply_then_invalid_with_a_reason():
    x = sine(50.0, 0.8, PARTS)
    x[5000] = np.nan
    x[-2570:] = np.random.default_rng(0).normal(0, 1, 2570)
    readings = run_meter("harmonics", x, setting(), "ELECTRICAL", sampling="coherent")
    starts = {r.index: r for r in readings if r.quantity == "thds"}
    assert [starts[i].valid for i in sorted(starts)] == [True, False, True, False]
    assert "NaN" in starts[2560].reason and "no steady fundamental" in starts[7680].reason
    invalid = [r for r in readings if not r.valid]
    assert all(np.isnan(r.value) for r in invalid)
    assert len({r.quantity for r in invalid}) == 50 + 49 + 1


def test_harmonics_when_coherent_but_the_supply_is_not_then_invalid():
    readings = run_meter("harmonics", sine(49.9, 0.4), setting(), "ELECTRICAL", sampling="coherent")
    assert readings and not any(r.valid for r in readings)


def test_harmonics_when_the_rate_is_too_low_then_an_error_says_how_many():
    with pytest.raises(LabError, match="at most"):
        run_meter("harmonics", np.zeros(9), setting(fs_hz=6400.0))
