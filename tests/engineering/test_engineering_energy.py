import itertools

import pytest

from labs.engineering.energy import EnergyCounter, energy_counter, energy_per_call, rapl_counter


def zone(folder, number, joules, wrap=1000.0):
    path = folder / f"intel-rapl:{number}"
    path.mkdir(parents=True)
    (path / "energy_uj").write_text(f"{int(joules * 1e6)}\n")
    (path / "max_energy_range_uj").write_text(f"{int(wrap * 1e6)}\n")
    return path


def test_rapl_then_the_sum_of_the_packages(tmp_path):
    zone(tmp_path, 0, 2.5)
    zone(tmp_path, 1, 4.0)
    counter = rapl_counter(tmp_path)
    assert counter.read() == 6.5
    assert "RAPL" in counter.source


def test_rapl_when_it_is_not_there_then_the_reason(tmp_path):
    assert "no powercap" in rapl_counter(tmp_path).reason


def test_rapl_when_it_says_nonsense_then_the_reason(tmp_path):
    (zone(tmp_path, 0, 1.0) / "energy_uj").write_text("much")
    assert "can't be read" in rapl_counter(tmp_path).reason


def ticking(step=1.0):
    moments = itertools.count(0.0, step)
    return lambda: next(moments)


def test_energy_per_call_then_the_difference_over_the_calls():
    # the clock ticks once a question: 0 start, 1, 2 (calls), 3 ends the window: 2 calls each
    joules = iter([0.0, 10.0, 10.0, 30.0])
    counter = EnergyCounter("test", lambda: next(joules))
    calls = []
    used = energy_per_call(
        counter, lambda: calls.append(1), lambda: None, windows=2, window_s=2.5, clock=ticking()
    )
    assert used.joules_per_call == (5.0, 10.0)
    assert used.calls == len(calls) == 4


def test_energy_per_call_when_the_counter_wraps_then_the_range_is_added():
    joules = iter([990.0, 10.0])
    counter = EnergyCounter("test", lambda: next(joules), wrap_j=1000.0)
    used = energy_per_call(
        counter, lambda: None, lambda: None, windows=1, window_s=2.5, clock=ticking()
    )
    assert used.joules_per_call == (10.0,)


def test_energy_per_call_when_it_wraps_without_a_range_then_the_window_is_taken_again():
    joules = iter([990.0, 10.0, 10.0, 30.0])
    counter = EnergyCounter("test", lambda: next(joules))
    used = energy_per_call(
        counter, lambda: None, lambda: None, windows=1, window_s=2.5, clock=ticking()
    )
    assert used.joules_per_call == (10.0,)


@pytest.mark.parametrize("device", ["EDGE", "CUDA"])
def test_energy_counter_when_there_is_none_then_the_reason(device):
    counter = energy_counter(device)
    if counter.read is not None:
        pytest.skip("this machine has an NVIDIA GPU: nothing to test the lack of")
    assert counter.reason
