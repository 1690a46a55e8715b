import json

import pyperf
import pytest

from labs.bench import Failure, ResultSet, load_results
from labs.errors import ResultError


def test_results_survive_the_file(make_measurement, make_results, tmp_path):
    results = make_results(
        make_measurement(loops=4),
        make_measurement((2.0, 2.0), device="CL", flop=None, first_call_s=None, modelled=True),
        failures=(Failure("sum/n=8/float32/warm/wall", "NULL", "two\nlines", "OSError"),),
        stop_reason="cancelled",
    )
    assert load_results(results.save(tmp_path / "new" / "r.json")) == results


def test_results_of_one_round_survive_the_file(make_measurement, make_results, tmp_path):
    results = make_results(make_measurement((1.0,)))
    assert load_results(results.save(tmp_path / "r.json")) == results


def test_a_set_without_measurements_survives_the_file(tmp_path):
    results = ResultSet((), (Failure("a", "CL", "no"),))
    assert load_results(results.save(tmp_path / "r.json")) == results


def test_pyperf_reads_the_file(make_measurement, make_results, tmp_path):
    path = make_results(make_measurement(loops=4), make_measurement(device="CL")).save(
        tmp_path / "r.json"
    )
    suite = pyperf.BenchmarkSuite.load(str(path))
    assert suite.get_benchmark_names() == [
        "matmul/n=8/float32/warm/wall @CPU",
        "matmul/n=8/float32/warm/wall @CL",
    ]
    benchmark = suite.get_benchmarks()[0]
    assert benchmark.get_nrun() == 3 and benchmark.get_metadata()["hostname"] == "here"


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"benchmarks": []}', '{"course": {"format": 99}, "benchmarks": []}'],
)
def test_a_corrupt_file_is_named_and_left_as_it_is(text, tmp_path):
    path = tmp_path / "r.json"
    path.write_text(text)
    with pytest.raises(ResultError) as caught:
        load_results(path)
    assert str(path) in str(caught.value) and "left as it is" in str(caught.value)
    assert path.read_text() == text


def test_a_broken_sample_is_noticed(make_results, tmp_path):
    path = make_results().save(tmp_path / "r.json")
    data = json.loads(path.read_text())
    data["benchmarks"][0]["runs"][0]["values"][0] = -1.0
    path.write_text(json.dumps(data))
    with pytest.raises(ResultError, match="number > 0"):
        load_results(path)


def test_bytes_that_are_no_text_are_a_result_error(tmp_path):
    (tmp_path / "r.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ResultError):
        load_results(tmp_path / "r.json")


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(ResultError, match="no such file"):
        load_results(tmp_path / "none.json")


def test_a_path_that_cannot_be_written_is_a_result_error(make_results, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultError, match="choose another path"):
        make_results().save(tmp_path / "file" / "r.json")
    with pytest.raises(ResultError):
        make_results().save(tmp_path)  # a folder
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file"]
