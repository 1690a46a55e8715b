"""The host's processor, memory and caches."""

import os

import psutil

from labs.devices import host


def test_this_machine_has_a_processor_and_memory():
    assert host.cpu_name()
    assert 1 <= host.usable_processors() <= (os.cpu_count() or 1)
    assert 0 < host.host_memory_bytes() <= psutil.virtual_memory().total
    cache = host.last_level_cache_bytes()
    assert cache is None or 2**15 <= cache < 2**40


def test_a_container_has_the_memory_that_it_was_given(monkeypatch):
    monkeypatch.setattr(host, "file_text", lambda path: str(2**28))
    assert host.host_memory_bytes() == 2**28
    monkeypatch.setattr(host, "file_text", lambda path: "max")
    assert host.host_memory_bytes() == psutil.virtual_memory().total


def test_a_file_that_is_not_there_is_empty_text(tmp_path):
    assert host.file_text(tmp_path / "none") == ""
