"""Made-up measurements: results are plain data, so most tests of this room need no device."""

import pytest

from labs.bench import Measurement, ResultSet, Round


@pytest.fixture
def make_measurement():
    def make(medians_s=(1.0, 1.1, 0.9), device="CPU", **others):
        rounds = tuple(
            Round(
                samples_s=(m * 0.99, m, m * 1.01),
                loops=others.pop("loops", 1) if i == 0 else 1,
                warmups_s=(2 * m, m),
                index=i,
                position=i % 2,
                stop_reason="precision",
                environment={"date": f"2026-01-01 00:00:0{i % 10}", "load_avg_1min": 0.5},
            )
            for i, m in enumerate(medians_s)
        )
        facts = {
            "name": "matmul/n=8/float32/warm/wall",
            "renderer": "ClangRenderer",
            "clock": "wall",
            "cache": "warm",
            "first_call_s": 3.0,
            "flop": 1024.0,
            "min_bytes": 768.0,
            "verification": "numpy, largest error 1e-07",
            "environment": {"hostname": "here"},
            "overhead_s": 1e-6,
            "run_id": "run-1",
        }
        return Measurement(device=device, rounds=rounds, **(facts | others))

    return make


@pytest.fixture
def make_results(make_measurement):
    def make(*measurements, **others):
        facts = {"environment": {"hostname": "here", "run_id": "run-1"}, "plan": {"rounds": 3}}
        return ResultSet(measurements or (make_measurement(),), **(facts | others))

    return make
