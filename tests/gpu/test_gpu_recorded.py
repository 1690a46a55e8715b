import json

import pytest

from labs.errors import ResultError
from labs.gpu.recorded import Recorded, Row, by_name, load_recorded, recorded_names, save_recorded

ROW = Row("matmul 64 float32", "by hand: naive", 1e-3, 0.9e-3, 1.1e-3, 0.5, "TFLOP/s", 0.5)
LEFT_OUT = Row("matmul 64 float32", "PyTorch", failure="PyTorch is not installed\n  Next: ...")
RECORDED = Recorded("A GPU", "python x", "2026-01-02", {"os": "x"}, {"matmul": (ROW, LEFT_OUT)})


def test_recorded_file_comes_back_as_it_was_saved(tmp_path):
    path = tmp_path / "gpu_a.json"
    save_recorded(RECORDED, path)
    assert load_recorded(str(path)) == RECORDED


def test_recorded_table_says_that_it_is_not_this_machine():
    text = str(RECORDED.table("matmul"))
    assert "Recorded on A GPU, 2026-01-02: not this machine" in text
    assert "0.5 TFLOP/s" in text
    assert "PyTorch is not installed" in text and "Next" not in text
    assert by_name(RECORDED.rows("matmul"))["matmul 64 float32", "by hand: naive"] is ROW


def test_recorded_section_that_is_not_there_lists_those_that_are():
    with pytest.raises(ResultError, match="one of matmul"):
        RECORDED.rows("streams")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": 99}', '{"format": 1, "device": "x", "sections": {"a": 3}}']
)
def test_load_recorded_of_a_broken_file_says_what_writes_one(tmp_path, text):
    path = tmp_path / "gpu_broken.json"
    path.write_text(text)
    with pytest.raises(ResultError, match="benchmarks/gpu --save"):
        load_recorded(str(path))


def test_load_recorded_of_an_unknown_name_lists_the_known():
    with pytest.raises(ResultError) as caught:
        load_recorded("a_gpu_from_the_future")
    for name in recorded_names():
        assert name in caught.value.expected


@pytest.mark.parametrize("name", recorded_names())
def test_recorded_files_of_the_course_name_no_host_and_hold_checked_numbers(name):
    recorded = load_recorded(name)
    assert recorded.command.startswith("python benchmarks/gpu")
    assert not {"hostname", "user"} & set(recorded.environment)
    text = json.dumps(dict(recorded.environment))
    assert "/home" not in text and "/root" not in text
    for row in recorded.rows("matmul"):
        assert row.failure or (row.low <= row.seconds <= row.high and row.verification)
