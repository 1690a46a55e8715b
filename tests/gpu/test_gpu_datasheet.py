"""labs.gpu.datasheet: vendors' numbers by the driver's names, and a model that says it is one."""

import pickle

import pytest

from labs.gpu.datasheet import datasheet, host_model, lookup


@pytest.mark.parametrize(
    ("name", "gb_per_s", "float32_tflop_per_s"),
    [
        ("NVIDIA H100 80GB HBM3", 3350, 66.9),
        ("NVIDIA H100 PCIe", 2000, 51.2),
        ("NVIDIA H200", 4800, 66.9),
        ("NVIDIA A100-SXM4-80GB", 2039, 19.5),
        ("NVIDIA A100 80GB PCIe", 1935, 19.5),
        ("NVIDIA A100-SXM4-40GB", 1555, 19.5),
        ("NVIDIA GeForce RTX 4090", 1008, 82.6),
        ("NVIDIA GeForce RTX 3090", 936, 35.6),
        ("Tesla T4", 320, 8.1),
        ("NVIDIA L4", 300, 30.3),
        ("AMD Instinct MI300X", 5300, 163.4),
        ("Apple M1", 68, 2.6),
        ("Apple M1 Max", 400, 10.4),
        ("Apple M2", 100, 3.6),
    ],
)
def test_lookup_when_known_then_the_vendors_numbers_with_source(
    name, gb_per_s, float32_tflop_per_s
):
    sheet = lookup(name)
    assert sheet.bytes_per_s == gb_per_s * 1e9
    assert sheet.flop_per_s["float32"] == pytest.approx(float32_tflop_per_s * 1e12)
    assert sheet and sheet.source and not sheet.reason


@pytest.mark.parametrize(
    "name",
    ["NVIDIA GeForce RTX 4090 Laptop GPU", "NVIDIA GeForce RTX 3090 Ti", "NVIDIA L40S", "Apple M3"],
)
def test_lookup_when_only_similar_then_none_with_reason(name):
    sheet = lookup(name)
    assert not sheet and sheet.bytes_per_s is None
    assert name in sheet.reason


def test_datasheet_when_a_host_processor_then_the_reason_and_no_number():
    sheet = datasheet("CPU")
    assert not sheet.flop_per_s and "no vendor states" in sheet.reason
    assert "no vendor states" in str(sheet)


def test_host_model_when_flags_are_known_then_the_product_is_labelled_a_model(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("labs.gpu.datasheet.usable_processors", lambda: 3)
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("model name : X\nflags\t: fpu sse2 avx avx2 fma\n")
    model = host_model(cpuinfo, clock_hz=2e9)
    # 3 cores x 8 floats x 2 units x 2 FLOP x 2 GHz
    assert model.flop_per_s == {"float32": 192e9, "float64": 96e9}
    assert model.kind == "model" and "model" in model.source and "assumed" in model.source


def test_host_model_when_flags_are_unknown_then_the_reason(tmp_path):
    assert "vector width" in host_model(tmp_path / "missing", clock_hz=1e9).reason


def test_datasheet_when_pickled_then_the_same():
    sheet = lookup("Tesla T4")
    assert pickle.loads(pickle.dumps(sheet)) == sheet
