"""labs.charts.managed: a lane for each device, a bar for each batch that counted."""

import numpy as np
import pytest

from labs.charts.managed import managed_run_chart
from labs.engineering.managed_run import BatchRecord, ManagedRun
from labs.errors import ResultError


def run(*records, count=None, **more):
    results = tuple(np.zeros(1) for _ in range(len(records) if count is None else count))
    return ManagedRun(results, records, ("CPU", "CL"), 0.1, **more)


RECORDS = (
    BatchRecord(0, "CPU", 0.00, 0.02, 0.02, compiled=True),
    BatchRecord(1, "CPU", 0.02, 0.04, 0.02),
    BatchRecord(2, "CPU", 0.03, 0.06, 0.02),
    BatchRecord(3, "CL", 0.01, 0.09, 0.08),
)


def test_managed_run_then_each_device_has_a_lane_with_its_share():
    chart = managed_run_chart(run(*RECORDS))
    axes = chart.figure.axes[0]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["CPU", "CL"]
    assert axes.get_xlabel() == "Time since the start (ms)"
    said = [t.get_text() for t in axes.texts]
    assert {"0", "1", "2", "3"} <= set(said)  # wide enough for their numbers
    # the third batch waited for a while on its way: what overlaps counts once
    assert "3 batches\nbusy 60%" in said
    assert "1 batch\nbusy 80%" in said
    assert "CPU 3, CL 1" in chart.alt
    assert "CPU is done after 60 ms, CL only after 90 ms" in chart.alt


@pytest.mark.parametrize(
    ("records", "said"),
    [
        (RECORDS[:1], "CL computes nothing"),
        ((RECORDS[3], BatchRecord(1, "CPU", 0.0, 0.085, 0.08)), "within 5 ms of each other"),
    ],
)
def test_managed_run_then_the_title_says_whether_devices_end_together(records, said):
    assert said in managed_run_chart(run(*records)).alt


def test_managed_run_when_a_device_failed_then_title_and_alt_say_so():
    again = BatchRecord(3, "CPU", 0.06, 0.09, 0.02, attempts=2)
    chart = managed_run_chart(run(*RECORDS[:3], again, quarantined={"CL": "it died"}, redone=1))
    assert "CL failed, and no batch was lost" in chart.alt
    assert "1 batch redone" in chart.alt
    assert "CL was given up: it died." in "".join(t.get_text() for t in chart.figure.texts)


def test_managed_run_when_batches_are_missing_then_they_are_counted():
    chart = managed_run_chart(run(*RECORDS, count=6, quarantined={"CL": "it died"}))
    assert "2 batches were lost" in chart.alt


def test_managed_run_when_nothing_was_finished_then_refused():
    with pytest.raises(ResultError, match="at least one finished batch"):
        managed_run_chart(run())
