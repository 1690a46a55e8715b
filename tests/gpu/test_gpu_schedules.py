"""labs.gpu.schedules: saved, found again, applied; files that are broken or somebody else's."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from tinygrad import Context, Tensor
from tinygrad.codegen import to_program_cache

from labs.errors import ResultError
from labs.gpu.kernels import choose_kernel
from labs.gpu.notation import option_texts, parse_options
from labs.gpu.schedules import Schedule, Schedules, default_path, place_of

N = 14
OPTS = ("UPCAST 1 7", "UPCAST 0 2")


@pytest.fixture(scope="module")
def schedule():
    return Schedule(
        kernel=choose_kernel(f"matmul:n={N}", "CPU").key,
        name="r_14_14_14",
        place=place_of("CPU"),
        opts=OPTS,
        workload=f"matmul:n={N}",
        before_s=2e-6,
        after_s=1e-6,
        gain=2.0,
        interval=(1.9, 2.1),
        verification="numpy, largest error 1e-07",
        date="2026-01-02T03:04:05+00:00",
    )


def _compiled_inside(schedules):
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal((N, N)).astype(np.float32) for _ in range(2)]
    a, b = (Tensor(x, device="CPU").realize() for x in arrays)
    known = dict(to_program_cache)
    to_program_cache.clear()
    with schedules.apply():
        result = (a @ b).numpy()
    found = [option_texts(p.src[0].arg.applied_opts) for p in to_program_cache.values()]
    to_program_cache.update(known)
    np.testing.assert_allclose(result, arrays[0] @ arrays[1], atol=1e-5)
    return found


def test_what_is_saved_is_loaded_again(tmp_path, schedule):
    path = tmp_path / "deep" / "schedules.json"
    assert len(Schedules.load(path)) == 0  # none there yet
    Schedules((), path).updated(schedule).save()
    loaded = Schedules.load(path)
    assert loaded.items == (schedule,) and loaded.path == path
    assert loaded.find(schedule.kernel, schedule.place) == schedule
    assert [f.name for f in path.parent.iterdir()] == ["schedules.json"]  # nothing left over
    assert "UPCAST 1 7" in str(loaded) and "<table" in loaded._repr_html_()


def test_a_newer_schedule_takes_the_place_of_the_older_and_others_stay(schedule):
    other = replace(schedule, kernel="another")
    new = replace(schedule, opts=("UPCAST 1 2",))
    both = Schedules((schedule, other)).updated(new)
    assert set(both) == {new, other}


def test_a_saved_schedule_is_what_realize_compiles_with(schedule):
    assert _compiled_inside(Schedules((schedule,))) == [OPTS]
    assert Schedules((schedule,)).choice("CPU") == {schedule.kernel: parse_options(OPTS)}


@pytest.mark.parametrize(
    "change", [{"tinygrad": "0.13.0"}, {"arch": "x86_64,znver5"}, {"compiler": "another clang"}]
)
def test_a_schedule_of_another_place_is_kept_and_not_used(schedule, change):
    foreign = replace(schedule, place=replace(schedule.place, **change))
    schedules = Schedules((foreign,))
    assert schedules.choice("CPU") == {}
    assert OPTS not in _compiled_inside(schedules)


def test_options_that_do_not_fit_here_leave_it_to_the_heuristic(schedule):
    threads = replace(schedule, opts=("THREAD 0 7",))
    with Context(NUM_CPU_THREADS=2):
        assert ("THREAD 0 7",) not in _compiled_inside(Schedules((threads,)))


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ("{not json", "JSONDecodeError"),
        ("[1, 2]", "another kind of file"),
        ('{"format": "something else"}', "another kind of file"),
        ('{"format": "tinygrad schedules of the course", "version": 99}', "version 99"),
        (
            '{"format": "tinygrad schedules of the course", "version": 1, "schedules": [{}]}',
            "an entry that is none",
        ),
    ],
)
def test_a_file_that_is_none_is_refused_and_left_as_it_is(tmp_path, text, got):
    path = tmp_path / "schedules.json"
    path.write_text(text)
    with pytest.raises(ResultError) as caught:
        Schedules.load(path)
    assert got in caught.value.got and "left as it was" in caught.value.next_step
    assert path.read_text() == text


def test_options_that_are_no_options_are_refused(tmp_path, schedule):
    path = Schedules((schedule,), tmp_path / "s.json").save()
    data = json.loads(path.read_text())
    data["schedules"][0]["opts"] = ["rm -rf"]
    path.write_text(json.dumps(data))
    with pytest.raises(ResultError, match="OptionError"):
        Schedules.load(path)


def test_a_folder_that_cannot_be_written_says_so(tmp_path, schedule):
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultError, match="can be written"):
        Schedules((schedule,), tmp_path / "file" / "s.json").save()


def test_the_default_file_is_in_the_courses_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    assert default_path() == tmp_path / "schedules.json"


@pytest.mark.slow
def test_another_process_finds_the_same_kernel(tmp_path, schedule):
    path = Schedules((schedule,), tmp_path / "s.json").save()
    code = f"""
from labs import toolchain; toolchain.activate()
from labs.gpu.schedules import Schedules
from tinygrad import Tensor
from tinygrad.codegen import to_program_cache
a, b = (Tensor.full(({N}, {N}), v, device="CPU").contiguous().realize() for v in (1.0, 2.0))
to_program_cache.clear()
with Schedules.load({str(path)!r}).apply():
    (a @ b).realize()
print([p.src[0].arg.applied_opts for p in to_program_cache.values()])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str([parse_options(OPTS)])
