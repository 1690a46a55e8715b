"""Benchmark names in short, and when short would be ambiguous."""

import pytest

from labs.bench import names


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("matmul/n=500/float32/warm/wall", "matmul n=500"),
        ("linear/batch=128,inputs=784,outputs=256/float32/warm/wall", "linear 128x784x256"),
        ("a/n=1/f -> b/n=1/f", "a -> b"),
        ("sleep", "sleep"),
        ("relu(x @ x)/warm/wall", "relu(x @ x)"),
        ("create tensor/512x512/float32/warm/wall", "create tensor 512x512"),
    ],
)
def test_case_label(name, label):
    assert names.case_label(name) == label


def test_rows_keep_the_full_name_where_the_short_one_is_ambiguous():
    cold, warm, other = (
        "add/n=1/float32/cold/wall",
        "add/n=1/float32/warm/wall",
        "sum/n=1/float32/warm/wall",
    )
    assert names.row_labels([cold, warm, other, warm]) == {cold: cold, warm: warm, other: "sum n=1"}
    assert names.row_labels([]) == {}


def test_shared_settings_are_said_once():
    assert names.shared_settings(["add/n=1/float32/warm/wall", "x @ x/warm/wall"]) == "warm, wall"
    assert names.shared_settings(["add/n=1/float32/cold/wall"]) == "float32, cold, wall"
    assert names.shared_settings([]) == "" == names.shared_settings(["a/n=1/f -> b/n=1/f"])


def test_dtype():
    assert names.dtype_of("add/n=1/bfloat16/warm/wall") == "bfloat16"
    assert names.dtype_of("mine/warm/wall") == ""
