import re
import socket
import threading
from contextlib import suppress

import psutil
import pytest

from labs.devices import discover
from labs.devices.answers import VARIABLE as DISCOVERY
from labs.devices.answers import save_answers
from labs.engineering.fleet import Fleet, benchmark_fleet, group_hosts, places
from labs.engineering.fleet_worker import identity, source_digest
from labs.errors import LabError

MINE = {"hostname": "me", "course": "0.1.0 (aa)", "tinygrad": "0.14.0", "python": "3.11"}


def test_group_then_workers_by_host():
    answers = {"a:1": MINE | {"hostname": "x"}, "a:2": MINE | {"hostname": "x"}, "b:1": MINE}
    assert group_hosts(answers, MINE) == ({"x": ["a:1", "a:2"], "me": ["b:1"]}, {})


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"course": "0.1.0 (bb)"}, r"course 0.1.0 \(bb\) where here is 0.1.0 \(aa\)"),
        ({"tinygrad": "0.15.0"}, "tinygrad 0.15.0 where here is 0.14.0"),
    ],
)
def test_group_when_a_host_has_another_version_then_it_is_left_out_with_the_reason(other, words):
    answers = {"a:1": MINE, "b:1": MINE | {"hostname": "old"} | other}
    hosts, refused = group_hosts(answers, MINE)
    assert hosts == {"me": ["a:1"]}
    assert list(refused) == ["old"]
    assert re.search(words, refused["old"])
    assert "another version" in refused["old"]


def test_group_when_a_worker_has_no_course_then_left_out_with_its_error():
    hosts, refused = group_hosts({"a:1": {"error": "ModuleNotFoundError: labs"}}, MINE)
    assert hosts == {}
    assert "ModuleNotFoundError" in refused["a:1"]


def test_places_then_anywhere_at_the_hosts_address_unless_it_is_shared():
    workers = {"x": ["tcp://10.0.0.2:1", "tcp://10.0.0.2:2"], "y": ["tcp://10.0.0.3:1"]}
    assert places("x", workers) == ["10.0.0.2"]
    shared = workers | {"z": ["tcp://10.0.0.2:9"]}
    assert places("x", shared) == ["tcp://10.0.0.2:1", "tcp://10.0.0.2:2"]


def test_identity_then_what_results_depend_on():
    found = identity()
    assert found["hostname"] == socket.gethostname()
    assert found["tinygrad"] == "0.14.0"
    assert source_digest() in found["course"]


def test_fleet_when_a_host_failed_then_the_table_says_why(made):
    fleet = Fleet({"a": made.results()}, {"b": "its workers are gone"}, {}, {"a": ("a:1",)})
    assert "its workers are gone" in str(fleet)
    assert "b is missing" in fleet.report().summary


def test_fleet_when_the_scheduler_is_unreachable_then_a_clear_error():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(LabError, match="dask scheduler"):
        benchmark_fleet(address, devices=["CPU"], connect_s=0.3)


@pytest.mark.slow
def test_fleet_when_the_measuring_worker_dies_then_the_other_one_measures(tmp_path, monkeypatch):
    from distributed import LocalCluster

    monkeypatch.setenv("COURSE_QUICK", "1")
    save_answers(discover(["CPU"]), tmp_path / "answers.json")
    monkeypatch.setenv(DISCOVERY, str(tmp_path / "answers.json"))  # workers need not ask again
    killed, over = [], threading.Event()

    def kill_once():
        """Ends the worker whose child measures, as soon as there is one."""
        while not killed and not over.wait(0.02):
            for process in psutil.Process().children(recursive=True):
                with suppress(psutil.Error):
                    if "labs.engineering.child" in process.cmdline():
                        worker = process.parent()
                        killed.append(worker.pid)
                        worker.kill()
                        return

    killer = threading.Thread(target=kill_once, daemon=True)
    killer.start()
    with LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        silence_logs=50,
    ) as cluster:
        fleet = benchmark_fleet(
            cluster.scheduler_address,
            devices=["CPU"],
            size="small",
            sections=["elementwise"],
            rounds=2,
            roofs=False,
            energy=False,
            path=tmp_path / "a.json",
        )
    over.set()
    killer.join()
    host = socket.gethostname()
    assert killed
    assert fleet.failures == {}
    assert {len(m.rounds) for m in fleet.results[host]} == {2}
    assert len(fleet.workers[host]) == 2
    assert fleet.files[host].name == f"a-{host}.json"
    assert [p.device_name for p in fleet.report().profiles] == ["CPU"]
