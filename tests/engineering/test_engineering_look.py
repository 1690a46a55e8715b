import time

import pytest

from labs.bench.sampler import Cancelled
from labs.engineering import suite
from labs.engineering.look import Look, _Memory, _order, _too_long, kind_of, take_a_look
from labs.engineering.suite import SuiteCase
from labs.engineering.targets import Target

CPU, PYTHON, EDGE = (Target(name, name) for name in ("CPU", "PYTHON", "EDGE"))
X86 = Target("CPU:X86", "CPU")


def seen(**calls_s):
    """A look at CPU: matmul_128=0.01 is one call of matmul n=128."""
    look = Look()
    for key, seconds in calls_s.items():
        what, n = key.rsplit("_", 1)
        look.calls_s[SuiteCase(what, f"n={n}").name, "CPU"] = seconds
    return look


def test_too_long_then_predicted_in_proportion_to_the_work():
    look = seen(add_16=1e-4, matmul_256=0.0101)
    # 0.1 ms of launch and 10 ms of work; 64 times the work
    reason = _too_long(look, SuiteCase("matmul", "n=1024"), CPU, longest_call_s=0.1)
    assert "about 640 ms (from matmul n=256)" in reason
    assert _too_long(look, SuiteCase("matmul", "n=512"), CPU, longest_call_s=0.1) == ""


def test_too_long_when_the_smaller_one_is_tiny_then_it_tells_nothing():
    look = seen(add_16=8e-3, matmul_8=9e-3)
    assert _too_long(look, SuiteCase("matmul", "n=512"), CPU, 0.01) == ""


def test_too_long_when_a_tiny_case_is_slow_without_a_doubt_then_it_tells():
    look = seen(add_16=0.01, matmul_8=0.2)
    assert "from matmul n=8" in _too_long(look, SuiteCase("matmul", "n=128"), CPU, 0.3)


def test_too_long_then_the_same_workload_tells_before_others_of_its_section():
    look = seen(add_16=1e-4, exp_1000=0.03, add_1000=1e-3)
    assert _too_long(look, SuiteCase("add", "n=4096"), CPU, 0.05) == ""
    assert "from exp n=1000" in _too_long(look, SuiteCase("exp", "n=4096"), CPU, 0.05)
    look = seen(add_16=1e-4, exp_1000=0.03)
    assert _too_long(look, SuiteCase("add", "n=4096"), CPU, 0.05) == ""


def test_too_long_when_a_section_has_nothing_then_as_matmul():
    look = seen(add_16=1e-4, matmul_512=0.5)
    case = SuiteCase("attention", "batch=32,sequence=64,width=512")
    assert "from matmul n=512" in _too_long(look, case, CPU, 0.1)
    assert _too_long(look, case, EDGE, 0.1) == ""


def test_too_long_when_the_smaller_was_left_out_itself_then_it_still_tells():
    look = seen(add_16=1e-4)
    look.too_slow_s[SuiteCase("matmul", "n=256").name, "CPU"] = 2.0
    assert "16 s" in _too_long(look, SuiteCase("matmul", "n=512"), CPU, 0.1)


def test_memory_then_one_case_and_all_together_have_their_shares():
    memory = _Memory(1 << 30, {"CPU": None})
    assert "share of the 1 GiB of memory available" in memory.refuses(
        SuiteCase("add", "n=4096"), CPU
    )
    fits = SuiteCase("add", "n=1000")
    assert memory.refuses(fits, CPU) == ""
    for _ in range(18):
        memory.take(fits, CPU)
    assert "beside the other cases" in memory.refuses(fits, CPU)


def test_memory_when_the_device_has_less_of_its_own_then_that_counts():
    memory = _Memory(1 << 40, {"EDGE": 32 << 20, "CPU": None})
    assert "32 MiB of memory of EDGE" in memory.refuses(SuiteCase("add", "n=1000"), EDGE)
    assert memory.refuses(SuiteCase("add", "n=1000"), CPU) == ""
    assert memory.refuses(SuiteCase("add", "n=64"), EDGE) == ""


def test_kind_then_by_what_computes_and_whose_clock_it_is():
    assert [kind_of(t) for t in (CPU, X86, PYTHON, EDGE)] == [
        suite.WALL, suite.WALL, suite.INTERPRETED, suite.MODELLED,
    ]  # fmt: skip


def test_order_then_small_and_own_suites_first_and_a_case_on_all_devices_in_turn():
    pairs = [(c.name, t.name) for c, t in _order((CPU, X86, EDGE), "full", suite.SECTIONS)]
    assert len(set(pairs)) == len(pairs)
    big = pairs.index(("matmul/n=512/float32/warm/wall", "CPU"))
    assert pairs[big + 1] == ("matmul/n=512/float32/warm/wall", "CPU:X86")
    assert pairs.index(("matmul/n=64/float32/warm/device", "EDGE")) < big
    assert not any(name.startswith("to_") and who == "CPU:X86" for name, who in pairs)


def look(**settings):
    defaults = {
        "size": "small", "sections": ("elementwise",), "longest_call_s": 1.0, "seed": 0,
        "deadline": time.monotonic() + 600,
    }  # fmt: skip
    return take_a_look([CPU], **(defaults | settings))


def test_look_then_cases_are_prepared_checked_and_timed():
    found = look()
    assert set(found.calls_s) == set(found.executions)
    assert len(found.calls_s) == 3  # two sizes by the wall, one by the device's clock
    assert not found.failures
    assert all("numpy" in e.verification for e in found.executions.values())


def test_look_when_its_time_is_over_then_all_are_left_out_with_the_reason():
    found = look(deadline=0.0)
    assert found.executions == {}
    assert set(found.left_out.values()) == {"the time for the first look was over"}


def test_look_when_a_call_takes_too_long_then_left_out_with_its_time():
    found = look(longest_call_s=1e-9)
    assert found.executions == {}
    assert all("too long for the budget" in why for why in found.left_out.values())
    assert found.too_slow_s


def test_look_when_a_device_is_lost_then_its_cases_are_failures():
    found = look(lost={"CPU": "the process died of SIGSEGV"})
    assert {f.error for f in found.failures} == {"the process died of SIGSEGV"}
    assert len(found.failures) == 3


def test_look_when_cancelled_then_it_ends():
    with pytest.raises(Cancelled):
        look(cancelled=lambda: True)
