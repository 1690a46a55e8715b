import errno
import json
import os
from dataclasses import replace

import pytest

from labs.bench import compare_devices, load_results
from labs.engineering import look as look_room
from labs.engineering import suite_run
from labs.engineering.suite_run import BUDGET_OVER, Request, run_suite
from labs.errors import ResultError

QUICK = Request(
    ("CPU", "PYTHON"),
    size="small",
    sections=("elementwise", "transfer"),
    budget_s=60.0,
    rounds=3,
    roofs=False,
    energy=True,
)


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    monkeypatch.setenv("COURSE_QUICK", "1")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    path = tmp_path_factory.mktemp("suite") / "a.json"
    events = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_QUICK", "1")
        request = replace(QUICK, targets=("CPU", "PYTHON", "EDGE"))
        results = run_suite(request, path=path, notify=events.append)
    return results, path, events


def test_run_then_every_device_has_its_suite_and_all_are_checked(finished):
    results, _, _ = finished
    assert results.stop_reason == "complete"
    assert results.failures == ()
    assert set(results.devices) == {"CPU", "PYTHON", "EDGE"}
    assert all(m.verification.startswith("numpy") for m in results)
    assert {len(m.rounds) for m in results} == {3}
    assert "to_device/n=256/float32/warm/wall" in results.select(device="CPU").names
    assert not any("n=256" in name for name in results.select(device="PYTHON").names)


def test_run_then_models_are_marked_and_in_no_comparison(finished):
    results, _, _ = finished
    assert {m.modelled for m in results.select(device="EDGE")} == {True}
    assert {m.clock for m in results.select(device="EDGE")} == {"device"}
    assert {m.clock for m in results.select(device="CPU")} == {"wall", "device"}
    assert not any(c.candidate == "EDGE" for c in compare_devices(results, "CPU"))


def test_run_then_rounds_are_interleaved_over_the_devices(finished):
    results, _, _ = finished
    visits = sorted((r.index, r.position, m.device) for m in results for r in m.rounds)
    first = [device for index, _, device in visits if index == 0]
    assert first != sorted(first)


def test_run_then_the_file_holds_all_of_it_with_what_belongs_to_the_run(finished):
    results, path, _ = finished
    loaded = load_results(path)
    assert loaded.names == results.names
    assert loaded.environment["energy"].keys() == {"CPU", "PYTHON", "EDGE"}
    assert loaded.environment["sensors"]["end"]
    assert loaded.environment["hardware"]["CPU"]
    assert loaded.environment["course_version"]
    assert loaded.plan["suite"] == "engineering"


def test_run_then_progress_never_goes_back_and_ends_full(finished):
    _, _, events = finished
    assert events[-1].done == events[-1].total
    shares = [e.done / e.total for e in events]
    assert max(shares) == 1.0
    assert all(e.text for e in events)


def test_run_when_it_is_interrupted_then_the_file_continues_it(tmp_path):
    path, asked = tmp_path / "a.json", replace(QUICK, targets=("CPU",))
    events = []

    def in_round_3():
        return bool(events) and events[-1].text.startswith("round 3 of 3")

    first = run_suite(asked, path=path, notify=events.append, cancel=in_round_3)
    assert first.stop_reason == "cancelled"
    taken = {r.samples_s for m in load_results(path) for r in m.rounds if r.index < 2}
    second = run_suite(asked, path=path)
    assert second.stop_reason == "complete"
    assert {len(m.rounds) for m in second} == {3}
    assert taken
    assert taken <= {r.samples_s for m in second for r in m.rounds}


def test_run_when_the_file_is_of_other_devices_then_refused_and_left_alone(finished):
    _, path, _ = finished
    before = path.read_bytes()
    with pytest.raises(ResultError, match="targets=") as caught:
        run_suite(replace(QUICK, targets=("CPU",)), path=path)
    assert "left as it was" in str(caught.value) or "left as it is" in str(caught.value)
    assert path.read_bytes() == before


def test_run_when_the_file_is_of_another_suite_then_refused(made, tmp_path):
    path = made.results(plan={"rounds": 3}).save(tmp_path / "other.json")
    with pytest.raises(ResultError, match="another suite"):
        run_suite(QUICK, path=path)


def test_run_when_a_device_vanishes_then_its_cases_fail_and_the_others_go_on(monkeypatch, tmp_path):
    prepare, calls = look_room.prepare_case, []

    def vanishing(case, target, seed):
        ready = prepare(case, target, seed)
        if target.name != "PYTHON":
            return ready

        def run():
            calls.append(1)
            if len(calls) > 60:
                raise OSError("no such device any more")
            return ready.run()

        return replace(ready, run=run)

    monkeypatch.setattr(look_room, "prepare_case", vanishing)
    path = tmp_path / "a.json"
    results = run_suite(QUICK, path=path)
    assert results.stop_reason == "complete"
    assert {f.device for f in results.failures} == {"PYTHON"}
    assert "no such device any more" in results.failures[0].error
    assert {len(m.rounds) for m in results.select(device="CPU")} == {3}
    assert load_results(path).failures == results.failures


def test_run_when_the_disk_is_full_then_a_clear_error_and_the_last_round_is_kept(
    monkeypatch, tmp_path
):
    path, replace_file, saves = tmp_path / "a.json", os.replace, []

    def filling(source, target):
        saves.append(1)
        if len(saves) > 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace_file(source, target)

    monkeypatch.setattr(os, "replace", filling)
    with pytest.raises(ResultError, match="No space left"):
        run_suite(replace(QUICK, targets=("CPU",)), path=path)
    assert json.loads(path.read_text())["course"]["stop_reason"] == "unfinished"
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]
    assert len(load_results(path))


def test_run_when_its_budget_ends_then_every_case_has_rounds_and_it_says_so(monkeypatch):
    request = replace(QUICK, targets=("CPU",), rounds=None, energy=False)
    passed = iter(range(10**6))
    # a clock that goes on by a second at each question: the budget ends between rounds
    monkeypatch.setattr(suite_run.time, "monotonic", lambda: float(next(passed)))
    results = run_suite(replace(request, budget_s=120.0))
    assert results.stop_reason == BUDGET_OVER
    assert len(results)
    assert BUDGET_OVER in str(results.table())


def test_run_when_cancelled_in_the_look_then_nothing_and_no_file(tmp_path):
    results = run_suite(QUICK, path=tmp_path / "a.json", cancel=lambda: True)
    assert (len(results), results.stop_reason) == (0, "cancelled")
    assert not (tmp_path / "a.json").exists()
