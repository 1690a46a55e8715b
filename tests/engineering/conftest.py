"""Made-up results of three devices: plain data, so most tests of this room open no device."""

from types import SimpleNamespace

import pytest

from labs.bench import Failure, Measurement, ResultSet, Round
from labs.engineering.suite import case_named

HOST = {"hostname": "host-a", "tinygrad_version": "0.14.0", "run_id": "run-1"}


def measurement(name, device, median_s, *, rounds=8, spread=0.01, modelled=False, **facts):
    """Rounds whose medians lie evenly within +- spread of median_s."""
    case = case_named(name)
    made = []
    for index in range(rounds):
        at = median_s * (1 + spread * (2 * index / max(1, rounds - 1) - 1))
        environment = {"date": f"2026-03-04 05:06:{index:02}", **facts.get("round_facts", {})}
        made.append(Round((at * 0.999, at, at * 1.001), index=index, environment=environment))
    return Measurement(
        name, device, "ClangRenderer", case.clock, "warm", tuple(made), first_call_s=0.3,
        flop=case.flop, min_bytes=case.min_bytes or None, verification="numpy, largest error 0",
        environment={"hostname": "host-a"}, modelled=modelled, run_id="run-1",
    )  # fmt: skip


WALL = "float32/warm/wall"
CPU_TIMES = {
    f"create/n=16/{WALL}/eager": 2e-3,
    f"add/n=16/{WALL}": 100e-6,
    f"add/n=1000/{WALL}": 500e-6,
    f"add/n=4096/{WALL}": 20e-3,
    f"matmul/n=128/{WALL}": 300e-6,
    f"matmul/n=512/{WALL}": 10e-3,
    f"to_device/n=1024/{WALL}": 1e-3,
    f"to_host/n=1024/{WALL}": 1e-3,
    "add/n=4096/float32/warm/device": 20e-3,
    "matmul/n=512/float32/warm/device": 10e-3,
}
EDGE_TIMES = {
    "add/n=64/float32/warm/device": 1e-3,
    "matmul/n=16/float32/warm/device": 2e-3,
}


def results(**changes):
    """CPU, CL at half its speed for matmul, and the modelled EDGE."""
    rows = [measurement(name, "CPU", s) for name, s in CPU_TIMES.items()]
    for name, s in CPU_TIMES.items():
        factor = 0.5 if name.startswith("matmul") else 1.0
        rows.append(measurement(name, "CL", factor * s))
    rows += [measurement(n, "EDGE", s, modelled=True, spread=0) for n, s in EDGE_TIMES.items()]
    facts = {
        "measurements": tuple(rows),
        "failures": (Failure(f"sum/n=16/{WALL}", "CL", "DeviceError: gone", "DeviceError"),),
        "environment": HOST,
        "plan": {
            "suite": "engineering",
            "targets": ["CPU", "CL", "EDGE"],
            "left_out": [[f"matmul/n=4096/{WALL}", "CPU", "one call takes 8 s"]],
        },
    }
    return ResultSet(**(facts | changes))


@pytest.fixture(scope="session")
def made():
    """The makers above."""
    return SimpleNamespace(
        measurement=measurement, results=results, host=HOST, wall=WALL, cpu_times=CPU_TIMES
    )
