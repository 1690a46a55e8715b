"""labs.gpu.counters: a profiler's process. The profiler is a script that runs what it is given."""

import sys

import pytest
from tinygrad import Tensor

from labs.errors import LabError
from labs.gpu import counters, nsight
from labs.gpu.counters import Counters, count_launches
from labs.gpu.nsight import Launch

# what ncu does, without a GPU: refuse a metric at first, run the program, write the table
PROFILER = """\
#!{python}
import json, subprocess, sys
words = sys.argv[1:]
log = words[words.index("--log-file") + 1]
metrics = words[words.index("--metrics") + 1].split(",")
program = words[words.index("--launch-count") + 2:]
if "{refused}" in metrics:
    open(log, "w").write("==ERROR== Failed to find metric {refused}\\n")
    sys.exit(1)
done = subprocess.run(program, capture_output=True, text=True)
if not json.loads(done.stdout)["kernels"]:
    open(log, "w").write("==WARNING== No kernels were profiled.\\n")
    sys.exit(0)
with open(log, "w") as out:
    out.write('"ID","Kernel Name","lts__t_sector_hit_rate.pct","gpu__time_duration.sum"\\n')
    out.write('"","","%","ns"\\n')
    out.write('"0","small","10.0","100"\\n')
    out.write('"1","large","75.0","9,000"\\n')
sys.exit(done.returncode)
"""


def launch(**values):
    return Launch("k", {getattr(nsight, name): value for name, value in values.items()})


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a script with a #! line")
def test_profiler_when_run_then_the_program_ran_and_the_table_is_read(tmp_path):
    tool = tmp_path / "ncu"
    tool.write_text(PROFILER.format(python=sys.executable, refused=nsight.LOAD_USED))
    tool.chmod(0o755)
    x = Tensor([1.0, 2.0, 3.0], device="CPU").realize()
    found = counters._by_ncu(x * 2, str(tool), "cold", 120, True)
    assert found.measured, found.reason
    assert found.cache_hit_rate == 0.75  # of the launch that took longest
    assert nsight.LOAD_USED not in found.command and str(tmp_path) not in found.command


def test_profiler_when_it_is_not_there_then_the_reason(tmp_path):
    x = Tensor([1.0, 2.0], device="CPU").realize()
    found = counters._by_ncu(x * 3, str(tmp_path / "gone"), "cold", 10, True)
    assert not found.measured and "gone" in found.reason
    assert found.cache_hit_rate is None and found.dram_bytes is None
    assert found.achieved_occupancy is None


def test_device_when_it_has_no_profiler_then_said():
    found = count_launches(lambda: Tensor.empty(4, device="PYTHON") + 1)
    assert "no profiler for PYTHON" in found.reason and not found.measured


def test_counts_when_there_then_of_the_longest_launch():
    found = Counters(
        "CUDA",
        "Nsight Compute",
        (
            launch(DURATION=1e-6, L2_HIT_RATE=10.0, DRAM_READ=100.0, WARPS_ACTIVE=30.0),
            launch(DURATION=9e-6, L2_HIT_RATE=75.0, DRAM_WRITE=50.0, WARPS_ACTIVE=60.0),
        ),
    )
    assert (found.cache_hit_rate, found.achieved_occupancy) == (0.75, 0.6)
    assert found.dram_bytes == 150.0
    assert "75%" in str(found) and "9 µs" in str(found)


@pytest.mark.parametrize(
    "wrong", [{"expression": 3}, {"expression": Tensor([1.0]), "cache": "hot"}]
)
def test_count_when_asked_wrongly_then_refused(wrong):
    with pytest.raises(LabError):
        count_launches(**wrong)
