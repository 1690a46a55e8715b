import importlib.metadata

from labs.bench.environment import (
    cpu_pressure,
    device_environment,
    host_environment,
    round_environment,
    throttle_check,
)


def test_the_host_is_described_with_versions_and_settings():
    facts = host_environment()
    assert facts["tinygrad_version"] == importlib.metadata.version("tinygrad")
    assert {"hostname", "python_version", "platform", "tinygrad_JIT", "compiler"} <= set(facts)
    assert not {"date", "load_avg_1min"} & set(facts)


def test_a_device_is_described_by_what_its_driver_tells():
    assert "renderer_target" in device_environment("CPU")


def test_a_round_records_when_and_how_busy():
    facts = round_environment("CPU")
    assert facts["date"] and facts["load_avg_1min"] >= 0


def test_pressure_is_read_or_left_out(tmp_path):
    file = tmp_path / "cpu"
    file.write_text("some avg10=68.50 avg60=1.00 avg300=0.10 total=1\nfull avg10=0.00\n")
    assert cpu_pressure(file) == 68.5
    assert cpu_pressure(tmp_path / "none") is None
    file.write_text("nothing here\n")
    assert cpu_pressure(file) is None


def test_only_a_gpu_that_tells_can_throttle():
    assert throttle_check("CPU") is None
