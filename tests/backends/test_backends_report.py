"""The comparison report: measured beside measured, models by themselves, no ratio of the two."""

import dataclasses

import pytest

from labs import backends, bench
from labs.backends.conformance import CaseResult, Report
from labs.backends.report import BackendComparisonReport, CodeSize, ModelFigures, compare_backends
from labs.devices.names import missing_part

pytestmark = pytest.mark.usefixtures("unregister_after")

QUICK = {"workloads": ["add:n=32", "matmul:n=16"], "rounds": 2, "round_time_s": 0.01}


def measurement(device: str, seconds: float, *, modelled: bool = False) -> bench.Measurement:
    clock = "device" if modelled else "wall"
    rounds = tuple(bench.Round((seconds,), index=i) for i in range(2))
    name = f"matmul/n=16/float32/warm/{clock}"
    return bench.Measurement(
        name, device, "R", clock, "warm", rounds, modelled=modelled, run_id="a"
    )


@pytest.fixture
def by_hand() -> BackendComparisonReport:
    """A report of a CPU, a device twice as fast, and an emulated one."""
    measured = bench.ResultSet((measurement("CPU", 2e-3), measurement("FAST", 1e-3)))
    scores = {"FAST": Report("FAST", "full", 0, (CaseResult("copy/a", "passed"),))}
    return BackendComparisonReport(
        devices=("CPU", "FAST", "TINY"),
        baseline="CPU",
        scores=scores,
        measured=measured,
        comparisons=bench.compare_devices(measured, "CPU"),
        modelled=bench.ResultSet((measurement("TINY", 4e-3, modelled=True),)),
        model=(ModelFigures("TINY", "matmul", 1234567, 4e-3, 5e-6),),
        code=(CodeSize("CPU", "matmul", 1, 300), CodeSize("TINY", "matmul", 1, None)),
        memory=(),
        failures={"TINY": "no memory"},
    )


def test_table_when_a_device_is_modelled_then_no_measured_column_has_it(by_hand):
    table = by_hand.table()
    rows = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    for column in table.columns:
        if "(measured" in column:
            assert rows["TINY"][column] is None
        if "(model)" in column:
            assert rows["CPU"][column] is None and rows["TINY"][column] is not None
    assert rows["FAST"]["against CPU (measured, geometric mean)"] == "2x"
    assert rows["FAST"]["conformance"] == "100.0% (1 passed, 0 failed)"
    assert rows["TINY"]["matmul (model)"] == "4 ms" and "5 µJ" in rows["TINY"].values()
    assert rows["TINY"]["matmul code"] == "–"


def test_the_ratios_are_of_measured_times_only(by_hand):
    assert {c.candidate for c in by_hand.comparisons} == {"FAST"}
    measured = next(t for t in by_hand.tables() if t.title == "Measured on this machine")
    assert "TINY" not in str(measured)
    model = next(t for t in by_hand.tables() if "modelled" in t.title)
    assert "CPU" not in str(model) and "1,234,567" in str(model)


def test_the_report_goes_out_as_text_html_and_markdown(by_hand):
    for text in (str(by_hand), by_hand.html(), by_hand._repr_html_(), by_hand.markdown()):
        assert all(device in text for device in by_hand.devices)
        assert "no memory" in text and "model" in text
    assert by_hand.markdown().startswith("# Backends compared")
    assert by_hand.html().startswith("<!doctype html>")
    with pytest.raises(dataclasses.FrozenInstanceError):
        by_hand.devices = ()


@pytest.mark.slow
def test_compare_backends_then_every_figure_comes_from_the_devices(write_backend):
    backends.register("COMPARED", write_backend("compared"))
    found = compare_backends(["CPU", "COMPARED"], "CPU", {}, **QUICK)
    assert not found.failures and not found.measured.failures
    assert {m.device for m in found.measured} == {"CPU", "COMPARED"}
    assert all(m.verification.startswith("numpy") for m in found.measured)
    assert len(found.comparisons) == 2 and len(found.modelled) == 0 and found.model == ()
    assert all(c.code_bytes > 0 and c.kernels == 1 for c in found.code)
    assert {m.peak_bytes for m in found.memory if m.workload == "add"} == {3 * 32 * 32 * 4}
    assert all(m.usage is None for m in found.memory if m.device == "COMPARED")


@pytest.mark.slow
@pytest.mark.skipif(bool(missing_part("EDGE")), reason=missing_part("EDGE"))
def test_compare_backends_when_one_is_emulated_then_its_time_is_a_model():
    backends.register()
    found = compare_backends(["CPU", "EDGE"], "CPU", {}, **QUICK)
    assert {m.device for m in found.measured} == {"CPU"} and found.comparisons is None
    assert {m.device for m in found.modelled} == {"EDGE"}
    assert all(m.modelled and m.clock == "device" for m in found.modelled)
    assert {f.workload for f in found.model} == {"add", "matmul"}
    assert all(f.instructions > 1000 and f.model_energy_j > 0 for f in found.model)
    assert all(m.usage.limit_bytes == 32 * 2**20 for m in found.memory if m.device == "EDGE")


@pytest.mark.slow
def test_compare_backends_when_one_fails_then_the_others_are_there(write_backend):
    limit = "        if size > 2048:\n            raise MemoryError('this device has 2048 B')\n"
    line = "        memory = ctypes.create_string_buffer(size + ALIGNMENT)\n"
    backends.register("CRAMPED", write_backend("cramped", (line, limit + line)))
    found = compare_backends(["CPU", "CRAMPED"], "CPU", {}, **QUICK)
    assert "CRAMPED" in found.failures and "CPU" not in found.failures
    assert {f.device for f in found.measured.failures} == {"CRAMPED"}
    assert "failed on CRAMPED" in str(found)
