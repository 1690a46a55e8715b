import pytest

from labs.engineering.profile import FIGURES
from labs.engineering.profiling import build_profile, build_profiles


def roofs(**changes):
    row = {
        "name": "float32", "kind": "arithmetic", "dtype": "float32", "value": 100e9,
        "interval": [90e9, 110e9], "how": "chain", "reason": "",
    }  # fmt: skip
    memory = row | {"name": "copy", "kind": "memory", "value": 20e9, "interval": [19e9, 21e9]}
    return {"clock": "device", "modelled": False, "roofs": [row, memory], "notes": []} | changes


def test_profile_then_each_figure_is_what_the_measurements_say(made):
    profile = build_profile(made.results(), "CPU")
    assert profile.peak_throughput.value == pytest.approx(2 * 512**3 / 10e-3, rel=1e-3)
    assert profile.peak_throughput.interval.low < profile.peak_throughput.value
    assert profile.avg_latency.value == pytest.approx(100e-6, rel=1e-3)
    assert profile.avg_latency.source == "add n=16"
    assert profile.memory_bandwidth.value == pytest.approx(3 * 4 * 4096**2 / 20e-3, rel=1e-3)
    assert profile.copy_to_device.value == pytest.approx(4 * 1024**2 / 1e-3, rel=1e-3)
    assert {f.how for _, f in profile if f.value is not None} == {"measured"}


def test_profile_when_roofs_were_not_measured_then_no_efficiency_and_the_reason(made):
    profile = build_profile(made.results(), "CPU")
    assert profile.compute_efficiency.value is None
    assert "roofs=True" in profile.compute_efficiency.reason
    assert profile.power_efficiency.reason
    assert profile.thermal_characteristics.reason


def test_profile_when_roofs_were_measured_then_over_them_by_the_same_clock(made):
    facts = made.host | {"roofs": {"CPU": roofs()}, "caches": {"CPU": 32 << 20}}
    profile = build_profile(made.results(environment=facts), "CPU")
    reached = 2 * 512**3 / 10e-3
    assert profile.compute_efficiency.value == pytest.approx(reached / 100e9, rel=1e-3)
    assert "matmul n=512" in profile.compute_efficiency.source
    assert profile.bandwidth_efficiency.value == pytest.approx(3 * 4 * 4096**2 / 20e-3 / 20e9, 1e-3)


def test_profile_when_all_additions_fit_into_the_cache_then_none_is_held_against_memory(made):
    facts = made.host | {"roofs": {"CPU": roofs()}, "caches": {"CPU": 200 << 20}}
    profile = build_profile(made.results(environment=facts), "CPU")
    assert "beyond its cache of 200 MiB" in profile.bandwidth_efficiency.reason


def test_profile_when_the_roofs_come_from_a_model_then_no_ratio_with_a_measured_time(made):
    facts = made.host | {"roofs": {"CPU": roofs(modelled=True)}}
    profile = build_profile(made.results(environment=facts), "CPU")
    assert "would mean nothing" in profile.compute_efficiency.reason


def test_profile_when_a_datasheet_is_known_then_against_it(made):
    sheet = {
        "name": "Chip", "flop_per_s": {"float32": 1e12}, "bytes_per_s": 1e11, "source": "its page",
        "reason": "",
    }  # fmt: skip
    facts = made.host | {"datasheets": {"CPU": sheet, "CL": sheet | {"reason": "no page"}}}
    results = made.results(environment=facts)
    figure = build_profile(results, "CPU").datasheet_efficiency
    assert figure.value == pytest.approx(2 * 512**3 / 10e-3 / 1e12, rel=1e-3)
    assert "its page" in figure.source
    assert build_profile(results, "CL").datasheet_efficiency.reason == "no page"


def test_profile_when_energy_was_counted_then_flop_per_joule(made):
    use = {
        "case": "matmul/n=512/float32/warm/wall", "flop": 1e6, "joules_per_call": [1.0, 2.0, 4.0],
        "calls": 3, "seconds": 6.0, "source": "a counter",
    }  # fmt: skip
    facts = made.host | {"energy": {"CPU": use, "CL": {"reason": "no counter"}}}
    results = made.results(environment=facts)
    figure = build_profile(results, "CPU").power_efficiency
    assert figure.value == pytest.approx(0.5e6)  # the geometric mean of 1, 1/2 and 1/4
    assert figure.interval is not None
    assert build_profile(results, "CL").power_efficiency.reason == "no counter"


def test_profile_when_the_gpu_told_its_temperature_then_the_highest_and_the_range(made):
    facts = {"round_facts": {"gpu_temperature_c": 55}}
    warm = made.measurement(f"add/n=16/{made.wall}", "CUDA", 1e-5, **facts)
    hot = made.measurement(
        f"sum/n=16/{made.wall}", "CUDA", 1e-5, round_facts={"gpu_temperature_c": 71}
    )
    results = made.results(measurements=(warm, hot))
    figure = build_profile(results, "CUDA").thermal_characteristics
    assert figure.value == 71
    assert (figure.interval.low, figure.interval.high) == (55, 71)


def test_profile_of_a_modelled_device_then_all_of_it_is_a_model(made):
    profile = build_profile(made.results(), "EDGE")
    assert profile.modelled
    assert {f.how for _, f in profile if f.value is not None} == {"model"}
    assert "emulated" in profile.thermal_characteristics.reason


def test_profiles_then_measured_ones_first_and_every_figure_in_the_table(made):
    profiles = build_profiles(made.results())
    assert [p.device_name for p in profiles] == ["CPU", "CL", "EDGE"]
    rows = {row[0] for row in profiles[0].table().rows}
    assert rows == set(FIGURES.values())
    assert set(profiles[0].to_dict()) >= set(FIGURES)


def test_profile_of_a_device_without_any_measurement_then_reasons_only(made):
    profile = build_profile(made.results(measurements=()), "CPU")
    assert all(f.value is None and f.reason for _, f in profile)
