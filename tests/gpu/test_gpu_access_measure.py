"""labs.gpu.access.measure and caches: results are complete, verified, and held against the copy."""

import dataclasses

import pytest

from labs.bench.sampler import Settings
from labs.errors import DeviceError, LabError, MeasurementError
from labs.gpu.access import bandwidth_by_size, cache_levels, host_caches, measure_patterns, pattern

# one sample after one warm-up call: what is tested is not how fast it is
QUICK = Settings(warmup_time_s=0, warmup_cap_s=0, round_time_s=0, precision=1)


@pytest.fixture(scope="module")
def patterns():
    return measure_patterns(
        "CPU", 4096, ["sequential", "strided:stride=4", "gather"], rounds=3, settings=QUICK
    )


@pytest.fixture(scope="module")
def curve():
    return bandwidth_by_size("CPU", [64 << 10, 16 << 10], rounds=2, settings=QUICK)


def test_patterns_then_the_copy_first_and_each_verified(patterns):
    names = [i.pattern for i in patterns]
    assert names == ["copy", "sequential", "strided, stride=4", "gather"]
    assert all(i.measurement.verification.startswith("numpy") for i in patterns)
    assert all(i.measurement.clock == "device" for i in patterns)
    assert patterns.failures == ()


def test_patterns_then_bytes_of_the_kernel_over_its_time(patterns):
    item = patterns.find("strided, stride=4")
    assert item.traffic.least_bytes == 8 * 4096
    assert item.bytes_per_s == item.traffic.least_bytes / item.measurement.median_s
    assert item.measurement.min_bytes == item.traffic.least_bytes  # the harness counts the same
    assert item.sector_bytes_per_s > item.bytes_per_s


def test_patterns_then_fractions_of_the_copy_by_rounds(patterns):
    assert patterns.find("copy").copy_fraction == pytest.approx(1)
    item, copied = patterns.find("sequential"), patterns.find("copy")
    low = min(c.median_s / r.median_s for c, r in _pairs(copied, item))
    high = max(c.median_s / r.median_s for c, r in _pairs(copied, item))
    assert low <= item.copy_fraction <= high
    interval = item.copy_fraction_interval
    assert interval.low <= item.copy_fraction <= interval.high
    # a gather reads its index as well: half again the bytes in the same time
    gathered = dataclasses.replace(patterns.find("gather"), measurement=copied.measurement)
    assert gathered.copy_fraction == pytest.approx(1.5)


def _pairs(a, b):
    return zip(a.measurement.rounds, b.measurement.rounds, strict=True)


def test_patterns_then_a_table_with_what_was_counted(patterns):
    text = str(patterns)
    assert "strided, stride=4" in text and "of the copy" in text and "mem" in text
    assert "<table" in patterns._repr_html_()


def test_find_when_it_is_not_there_then_what_is(patterns):
    with pytest.raises(MeasurementError, match="gather"):
        patterns.find("diagonal")


def test_patterns_when_one_does_not_compile_then_a_row_and_the_others_go_on():
    broken = dataclasses.replace(pattern("sequential", n=4096), compute=lambda x: x + missing)  # noqa: F821
    found = measure_patterns("CPU", 4096, [broken], rounds=1, settings=QUICK)
    assert [i.pattern for i in found] == ["copy"]
    assert "missing" in found.failures[0].error and "failed" in str(found)


def test_curve_then_ascending_sizes_with_the_kernels_bytes(curve):
    assert [p.size_bytes for p in curve.points] == [16 << 10, 64 << 10]
    assert all(p.interval.low <= p.bytes_per_s <= p.interval.high for p in curve.points)
    assert all(p.measurement.cache == "warm" for p in curve.points)
    assert "Listed caches" in str(curve)


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"patterns": ["diagonal"]}, "one of copy"),
        ({"patterns": ["strided:stride=0"]}, "from 1 on"),
        ({"patterns": ["strided:stride=many"]}, "whole numbers"),
        ({"sizes": 0}, "from 1 on"),
        ({"sizes": 1 << 45, "patterns": ["sequential"]}, "of memory"),
        ({"patterns": [dataclasses.replace(pattern("copy", n=8), name="mine")]}, "named 'mine'"),
    ],
)
def test_patterns_when_they_make_no_sense_then_an_error(settings, word):
    with pytest.raises(MeasurementError, match=word):
        measure_patterns("CPU", **settings)


def test_device_when_unknown_then_an_error():
    with pytest.raises(DeviceError):
        measure_patterns("ABACUS", 16)
    with pytest.raises(DeviceError):
        bandwidth_by_size("ABACUS")


@pytest.mark.parametrize("sizes", [[], [4], [1.5]])
def test_curve_when_sizes_make_no_sense_then_an_error(sizes):
    with pytest.raises(LabError, match="sizes in bytes"):
        bandwidth_by_size("CPU", sizes)


def test_caches_when_listed_then_data_caches_by_size(tmp_path):
    rows = [
        ("1", "Data", "32K", "64", "8"),
        ("1", "Instruction", "32K", "64", "8"),
        ("2", "Unified", "1024K", "64", "16"),
        ("3", "Unified", "24M", "64", ""),
    ]
    for i, row in enumerate(reversed(rows)):
        folder = tmp_path / f"index{i}"
        folder.mkdir()
        names = ("level", "type", "size", "coherency_line_size", "ways_of_associativity")
        for name, text in zip(names, row, strict=True):
            (folder / name).write_text(text + "\n")
    found = host_caches(tmp_path)
    assert [(c.name, c.bytes, c.ways) for c in found] == [
        ("L1", 32 << 10, 8),
        ("L2", 1 << 20, 16),
        ("L3", 24 << 20, None),
    ]


def test_caches_when_not_listed_then_none(tmp_path):
    assert cache_levels("NULL") == ()
    assert all(c.bytes > 0 for c in cache_levels("CPU"))
