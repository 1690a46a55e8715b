"""labs.gpu.roof_cases: what is measured and how large, and why something can't be."""

from dataclasses import replace

import pytest

from labs.errors import MeasurementError
from labs.gpu import roof_cases as choosing


def test_choose_when_the_device_lacks_a_dtype_then_the_reason(monkeypatch):
    place = choosing.Place("CPU")
    monkeypatch.setattr(choosing, "_streams", lambda place, quick: [])
    monkeypatch.setattr(type(place.renderer), "supported_dtypes", lambda self: set())
    cases, missing = choosing.choose_cases(place, ("float64",), True)
    assert not cases
    assert "ClangRenderer has no float64 of its own" in missing[0].reason


def test_choose_when_the_compiler_refuses_then_the_reason(monkeypatch):
    def refuse(*arguments):
        raise RuntimeError("no such instruction")

    place = choosing.Place("CPU")
    monkeypatch.setattr(choosing, "_streams", lambda place, quick: [])
    monkeypatch.setattr(choosing.arithmetic, "chain_workload", refuse)
    cases, missing = choosing.choose_cases(place, ("float32",), True)
    assert not cases
    assert "no such instruction" in missing[0].reason


def test_chain_when_operations_vanish_then_it_is_refused(monkeypatch):
    place = choosing.Place("CPU")
    real = choosing.count_work

    def fewer(workload, device):
        return replace(real(workload, device), flop=workload.flop / 2)

    monkeypatch.setattr(choosing, "count_work", fewer)
    with pytest.raises(MeasurementError, match="rewrote the chain"):
        choosing._chain(place, "float32", None)


def test_streams_when_the_time_limits_them_then_the_note_names_the_cache(monkeypatch):
    place = choosing.Place("CPU")
    monkeypatch.setattr(choosing, "_STREAM_CALL_S", 1e-9)
    copy, triad = choosing._streams(place, quick=True)
    assert copy.workload.min_bytes == 2 * (1 << 18)  # the trial's size is the least
    assert "the time of one call" in place.notes[0] and "may be the cache's" in place.notes[0]
    assert (copy.roof.kind, triad.roof.name) == ("memory", "triad")


def test_matrix_when_the_device_has_no_units_then_the_reason():
    cases, missing = choosing._matrix(choosing.Place("CPU"))
    assert not cases and "no matrix units" in missing[0].reason
