"""labs.gpu.nsight: its command, and CSV as its documentation describes it."""

import pytest

from labs.gpu import nsight

# the raw page: names, units, one row per launch; the program's own words before it
RAW = """\
==PROF== Connected to process 4711 (/usr/bin/python3.11)
==PROF== Profiling "r_64_32" - 0: 0%....50%....100% - 4 passes
a line of the program itself, with "quotes", and commas
"ID","Process ID","Process Name","Host Name","Kernel Name","Context","Stream","Block Size",\
"Grid Size","Device","CC","dram__bytes_read.sum","gpu__time_duration.sum",\
"lts__t_sector_hit_rate.pct","sm__warps_active.avg.pct_of_peak_sustained_active"
"","","","","","","","","","","","byte","ns","%","%"
"0","4711","python3.11","127.0.0.1","r_64_32","1","7","(32, 1, 1)","(64, 1, 1)","0","9.0",\
"8,396,800","12,352","71.25","48.5"
"1","4711","python3.11","127.0.0.1","E_4096","1","7","(256, 1, 1)","(16, 1, 1)","0","9.0",\
"524,288","3,000","n/a","90.0"
==PROF== Disconnected from process 4711
"""
# the details page: one row per metric, other units
DETAILS = """\
"ID","Process ID","Kernel Name","Section Name","Metric Name","Metric Unit","Metric Value"
"0","1","k","Command line profiler metrics","dram__bytes_read.sum","Mbyte","8.4"
"0","1","k","Command line profiler metrics","lts__t_sector_hit_rate.pct","%","71.25"
"1","1","k","Command line profiler metrics","dram__bytes_read.sum","Mbyte","1,000.5"
"""


def test_raw_page_when_parsed_then_bytes_seconds_and_percent():
    first, second = nsight.parse_ncu(RAW)
    assert (first.kernel, second.kernel) == ("r_64_32", "E_4096")
    assert first.get(nsight.DRAM_READ) == 8396800
    assert first.get(nsight.DURATION) == pytest.approx(12.352e-6)
    assert first.get(nsight.L2_HIT_RATE) == 71.25
    assert second.get(nsight.L2_HIT_RATE) is None  # n/a is no number
    assert second.get(nsight.WARPS_ACTIVE) == 90.0


def test_details_page_when_parsed_then_launches_by_their_id():
    first, second = nsight.parse_ncu(DETAILS)
    assert first.values == {nsight.DRAM_READ: 8.4e6, nsight.L2_HIT_RATE: 71.25}
    assert second.get(nsight.DRAM_READ) == pytest.approx(1000.5e6)


@pytest.mark.parametrize("text", ["", "==PROF== nothing\n", "just words\n"])
def test_output_without_a_table_then_no_launch(text):
    assert nsight.parse_ncu(text) == ()


def test_row_when_cut_short_then_left_out():
    assert len(nsight.parse_ncu(RAW.replace('"3,000","n/a","90.0"', '"3,0'))) == 1


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("==ERROR== ERR_NVGPUCTRPERM - The user does not have permission", "administrators"),
        ("==WARNING== No kernels were profiled.", "saw no kernel"),
        ("==ERROR== Failed to prepare kernel for profiling", "Failed to prepare kernel"),
        ("", "exit status 9"),
    ],
)
def test_failure_when_told_then_in_plain_words(text, why):
    assert why in nsight.why_nothing(text, 9)


def test_metrics_when_refused_then_named():
    text = f"==ERROR== Failed to find metric {nsight.LOAD_USED}\n{nsight.DRAM_READ} elsewhere"
    assert nsight.refused_metrics(text) == (nsight.LOAD_USED,)


def test_command_then_only_what_is_between_start_and_stop_is_counted():
    command = nsight.ncu_command("ncu", ["python", "x.py"], log="out.csv", cache="warm", launches=3)
    assert command[-2:] == ["python", "x.py"]
    joined = " ".join(command)
    assert "--profile-from-start off" in joined and "--cache-control none" in joined
    assert "--launch-count 3" in joined and nsight.L2_HIT_RATE in joined
    assert "--cache-control all" in " ".join(nsight.ncu_command("ncu", ["x"], log="l"))
