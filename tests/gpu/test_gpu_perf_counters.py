"""labs.gpu.perf_counters: what perf writes, and why it may write nothing."""

import sys

import pytest

from labs.gpu import perf_counters

TEXT = """\
# started on Wed
123456,,cache-references,1000000,100.00,,
2345,,cache-misses:u,1000000,100.00,1.900,of all cache refs
<not supported>,,L1-dcache-loads,0,100.00,,
"""


def test_csv_when_parsed_then_counts_and_none_for_what_is_not_supported():
    assert perf_counters.parse_perf(TEXT) == {
        "cache-references": 123456.0,
        "cache-misses": 2345.0,
        "L1-dcache-loads": None,
    }


def test_perf_when_asked_then_usable_or_a_reason():
    why = perf_counters.perf_unusable()
    assert isinstance(why, str)


def test_perf_when_not_linux_or_not_there_then_that_is_the_reason(monkeypatch):
    monkeypatch.setattr(perf_counters.shutil, "which", lambda name: None)
    if sys.platform.startswith("linux"):
        assert perf_counters.perf_unusable() == "perf is not installed"
    monkeypatch.setattr(perf_counters.sys, "platform", "darwin")
    assert "Linux" in perf_counters.perf_unusable()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="perf is a part of Linux")
def test_perf_when_this_machine_hides_its_counters_then_said(monkeypatch, tmp_path):
    tool = tmp_path / "perf"
    tool.write_text('#!/bin/sh\necho "<not supported>,,cache-references,0,100.00,," >&2\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "shows no cache counters" in perf_counters.perf_unusable()
