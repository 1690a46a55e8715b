"""Reading COMTRADE records, beside the `comtrade` package.

    python benchmarks/electrical records            # pip install comtrade==0.2.0 first

The same files, read to their end: 8 channels of a supply. Both sides give the values in volts as
floats and the sample times; the package in its quickest setting (numpy arrays) too. Values are
compared before anything is timed. Without the package the rows say so, and how fast ours is.
"""

import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from labs.bench.statistics import summarize_rounds
from labs.electrical.blocks import Channel, values
from labs.electrical.records import open_record, write_comtrade

try:
    import comtrade
except ImportError:
    comtrade = None

FS_HZ, CHANNELS = 12_800, 8
BLOCK = 10_240  # samples: the block of the goals
ROWS = {"BINARY": 100_000, "FLOAT32": 100_000, "ASCII": 50_000}  # 8 s and 4 s of a supply
GATE, STRETCH = 10.0, None
ABSENT = "the comtrade package isn't installed: pip install comtrade==0.2.0 gives the ratio"


def run(quick: bool) -> list[dict]:
    """Rows: each form of data as values, beside the package as it is and with numpy arrays."""
    rounds = 6 if quick else 20
    with tempfile.TemporaryDirectory() as folder:
        return [
            row
            for form, count in ROWS.items()
            for row in _rows(_record(Path(folder), form, count), form, count, rounds)
        ]


def _record(folder: Path, form: str, count: int) -> Path:
    t = np.arange(count) / FS_HZ
    phases = np.arange(CHANNELS)[:, None] * 2 * np.pi / 3
    channels = [Channel(f"U{i + 1}", "V") for i in range(CHANNELS)]
    volts = 325 * np.sin(2 * np.pi * 50 * t + phases)
    return write_comtrade(folder / form, channels, volts, FS_HZ, format=form)


def _rows(path: Path, form: str, count: int, rounds: int) -> list[dict]:
    samples = count * CHANNELS
    ways: dict[str, Callable[[], object]] = {
        "values": lambda: _values(path),
        "as stored": lambda: _as_stored(path),
    }
    if comtrade is not None:
        ways["package"] = lambda: _package(path, False)
        ways["package, numpy"] = lambda: _package(path, True)
        _compare(path)
    seconds = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, function in ways.items():
            before = time.perf_counter()
            function()
            if number:  # the first round warms the files up
                seconds[name].append(time.perf_counter() - before)
    rates = {name: samples / min(s) / 1e6 for name, s in seconds.items()}
    theirs = [("package", GATE), ("package, numpy", GATE)]
    if comtrade is None:
        theirs = [(None, None)]
    return [_row(form, samples, seconds, rates, other, gate) for other, gate in theirs]


def _row(
    form: str,
    samples: int,
    seconds: dict[str, list[float]],
    rates: dict[str, float],
    other: str | None,
    gate: float | None,
) -> dict:
    ours = "values"
    note = f"{rates[ours]:.0f} MS/s as values, {rates['as stored']:.0f} as stored"
    found = {"item": f"COMTRADE {form}", "ratio": None, "low": None, "high": None, "gate": gate,
             "stretch": STRETCH, "ours": rates[ours], "theirs": None, "unit": "MS/s",
             "n": samples}  # fmt: skip
    if other is None:
        return found | {"note": f"{note}; {ABSENT}"}
    pairs = zip(seconds[other], seconds[ours], strict=True)
    ratio, interval = summarize_rounds([theirs / own for theirs, own in pairs])
    best = min(seconds[other]) / min(seconds[ours])
    how = "comtrade 0.2.0" + (" with numpy arrays" if "numpy" in other else "")
    return found | {
        "item": f"COMTRADE {form}, beside {how}",
        "ratio": ratio,
        "low": interval.low if interval else None,
        "high": interval.high if interval else None,
        "theirs": rates[other],
        "note": f"{note}; {rates[other]:.1f} MS/s theirs; best {best:.1f}x",
    }


def _values(path: Path) -> float:
    """Reads it all as float32 values, and gives the last time."""
    with open_record(path) as record:
        for block in record.blocks(BLOCK):
            values(block, record.channels)
    return block.t0_s + (block.length - 1) / block.fs_hz


def _as_stored(path: Path) -> int:
    with open_record(path) as record:
        return sum(block.samples.size for block in record.blocks())


def _package(path: Path, numpy_arrays: bool) -> object:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return comtrade.load(str(path), use_numpy_arrays=numpy_arrays)


def _compare(path: Path) -> None:
    """Values and times of both; raises if they differ by more than rounding to float32."""
    theirs = _package(path, True)
    with open_record(path) as record:
        blocks = list(record.blocks())
        ours = np.concatenate([values(b, record.channels) for b in blocks], axis=1)
    peak = np.abs(ours).max()
    off = np.abs(ours - np.array(theirs.analog)).max() / peak
    times = np.concatenate([b.t0_s + np.arange(b.length) / b.fs_hz for b in blocks])
    late = np.abs(times - theirs.time).max() / times[-1]
    if ours.shape != np.shape(theirs.analog) or off > 2e-7 or late > 2e-7:
        raise AssertionError(f"{path.name}: values differ by {off:g}, times by {late:g}")


if __name__ == "__main__":
    for line in run("--quick" in sys.argv):
        print(line)
