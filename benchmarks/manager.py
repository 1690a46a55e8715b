"""The device manager: are its predictions near the truth, and is splitting worth it?

    python benchmarks/manager.py                          # CPU, CL and ELECTRICAL, about 3 minutes
    python benchmarks/manager.py --device CUDA --device CPU
    python benchmarks/manager.py --save                   # writes results/manager_<devices>.*

Predictions: every second size of each kind of work is held out, predicted from the others, and
compared with what was measured in the same interleaved run. Gain: the same batches on each device
alone, in equal shares, and managed, round by round; all through the manager's processes.
"""

import argparse
import json
import sys
from pathlib import Path

from labs import backends, toolchain

toolchain.activate()
backends.register()

import numpy as np

from labs import bench
from labs.bench.environment import cpu_pressure, host_environment
from labs.engineering.manager import MultiDeviceManager, split
from labs.engineering.manager_gain import Gains, best_single, measure_gain
from labs.engineering.predict import PredictionErrors, held_out_errors
from labs.units import format_interval, format_percent, format_ratio

RESULTS = Path(__file__).parent / "results"
ENVIRONMENT = (
    *("platform", "cpu_model_name", "cpu_count", "virtual_machine", "python_version"),
    *("tinygrad_version", "compiler"),
)
SIZES = {
    "add": (256, 512, 1024, 2048, 3072),
    "exp": (256, 512, 1024, 2048, 3072),
    "sum": (256, 512, 1024, 2048, 3072),
    "matmul": (64, 128, 256, 512, 768),
    "softmax": (128, 256, 512, 1024, 2048),
}


def _product(x, w):
    return (x @ w).relu()


def _wave(x):
    for _ in range(8):
        x = x.sin() * 1.5 + x
    return x


def predictions(devices: list[str], quick: bool) -> PredictionErrors:
    """Held-out sizes of five kinds of work."""
    workloads = [bench.WORKLOADS[name](n=n) for name, sizes in SIZES.items() for n in sizes]
    results = bench.measure(
        workloads,
        devices,
        rounds=4 if quick else 8,
        round_time_s=0.05,
        progress=bench.progress_bar(),
    )
    return held_out_errors(results, workloads, devices)


def gains(devices: list[str], quick: bool) -> dict[str, Gains]:
    """Batches of a product and of an element-wise function, each split over all devices."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((64 * 256, 512)).astype(np.float32)
    w = rng.standard_normal((512, 512)).astype(np.float32)
    rounds = 4 if quick else 10
    with MultiDeviceManager(devices) as manager:
        return {
            "64 products of 256 x 512 by 512 x 512": measure_gain(
                manager, _product, split(x, 256), constants=[w], rounds=rounds
            ),
            "64 element-wise functions of 256 x 512": measure_gain(
                manager, _wave, split(x, 256), rounds=rounds
            ),
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", action="append", metavar="D", help="repeatable")
    parser.add_argument("--quick", action="store_true", help="a look, with wide intervals")
    parser.add_argument("--save", action="store_true", help="write the results file")
    options = parser.parse_args()
    devices = options.device or ["CPU", "CL", "ELECTRICAL"]
    pressure = cpu_pressure()
    errors = predictions(devices, options.quick)
    print(errors)
    found = gains(devices, options.quick)
    for name, gain in found.items():
        print(f"\n{name}\n{gain}")
    if options.save:
        _save(devices, errors, found, pressure)
    return 0


def _save(devices, errors: PredictionErrors, found: dict[str, Gains], pressure) -> None:
    everything = host_environment()
    environment = {k: everything[k] for k in ENVIRONMENT if k in everything}
    environment["cpu_pressure_some_avg10_before"] = pressure
    stem = RESULTS / f"manager_{'_'.join(d.lower().replace(':', '') for d in devices)}"
    by_device = {
        d: float(np.median([e.relative for e in errors.items if e.device == d])) for d in devices
    }
    data = {
        "command": "python benchmarks/manager.py " + " ".join(sys.argv[1:]),
        "environment": environment,
        "predictions": {
            "median_error": errors.median,
            "median_error_by_device": by_device,
            "items": [vars(e) | {"error": e.relative} for e in errors.items],
        },
        "gains": {
            name: {
                "seconds": gain.seconds,
                "run_time_prediction_error": gain.prediction_error,
                "gains": [
                    {
                        "over": g.over,
                        "ratio": g.ratio,
                        "interval": [g.interval.low, g.interval.high] if g.interval else None,
                        "word": g.word,
                    }
                    for g in gain.gains
                ],
            }
            for name, gain in found.items()
        },
    }
    stem.with_suffix(".json").write_text(json.dumps(data, indent=1) + "\n")
    lines = [f"# The device manager on {', '.join(devices)}", "", f"`{data['command'].strip()}`"]
    lines += ["", *(f"* {k}: {v}" for k, v in environment.items()), "", "## Predictions", ""]
    lines += [f"Median error {format_percent(errors.median)} over {len(errors.items)} held-out"]
    lines += [f"sizes; {', '.join(f'{d} {format_percent(e)}' for d, e in by_device.items())}.", ""]
    for name, gain in found.items():
        best = best_single(gain)
        interval = best.interval
        ends = format_interval(interval.low, interval.high, format_ratio) if interval else "-"
        lines += [f"## {name}", "", gain.table().markdown()]
        lines += [
            f"Over the best single device, {best.over}: {format_ratio(best.ratio)} {ends}.",
            "",
        ]
    stem.with_suffix(".md").write_text("\n".join(lines))
    print(f"written: {stem.name}.json and .md")


if __name__ == "__main__":
    sys.exit(main())
