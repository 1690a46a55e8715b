import pytest

from labs.engineering import suite
from labs.errors import ResultError

EVERY = [
    (kind, case)
    for kind in (suite.WALL, suite.INTERPRETED, suite.MODELLED)
    for size in suite.SIZES
    for case in suite.suite_for(kind, size)
]


def test_cases_then_their_names_are_enough_to_make_them_again():
    for _, case in EVERY:
        assert suite.case_named(case.name) == case


def test_cases_then_each_has_a_section_and_work_to_predict_by():
    for _, case in EVERY:
        assert case.section in suite.SECTIONS
        assert case.work > 0
        assert case.memory_bytes > 0


def test_suite_for_then_no_case_twice():
    for kind in (suite.WALL, suite.INTERPRETED, suite.MODELLED):
        cases = suite.suite_for(kind)
        assert len(set(cases)) == len(cases)


@pytest.mark.parametrize(
    "name",
    [
        *(f"create/n={n}/float32/warm/wall/eager" for n in (100, 500, 1000)),
        *(f"{op}/n=1000/float32/warm/wall" for op in ("add", "mul", "relu", "exp")),
        *(f"matmul/n={n}/float32/warm/wall" for n in (128, 256, 512)),
        *(f"{op}/n=1000/float32/warm/wall" for op in ("sum", "mean", "max")),
        *(f"{w}/n={n}/float32/warm/wall" for w in ("to_device", "to_host") for n in (1024, 4096)),
        "to_device/n=16384/float32/warm/wall",
        "linear/batch=32,inputs=784,outputs=256/float32/warm/wall",
        "conv3x3/batch=32,channels=64,size=28,outputs=64/float32/warm/wall",
        "attention/batch=32,sequence=64,width=512/float32/warm/wall",
    ],
)
def test_suite_for_a_device_then_the_sizes_of_the_syllabus_are_in_it(name):
    assert name in {case.name for case in suite.suite_for(suite.WALL)}


def test_suite_for_a_modelled_device_then_its_own_clock_alone():
    assert {case.clock for case in suite.suite_for(suite.MODELLED)} == {"device"}


def test_suite_for_a_variant_then_no_copies():
    sections = {case.section for case in suite.suite_for(suite.WALL, variant=True)}
    assert not sections & {"transfer", "creation"}
    assert "matmul" in sections


def test_transfer_then_bytes_count_once():
    case = suite.SuiteCase(suite.TO_DEVICE, "n=1024")
    assert case.elements == 1024 * 1024
    assert case.min_bytes == 4 * 1024 * 1024
    assert case.flop is None


def test_work_then_flop_for_products_and_bytes_for_the_rest():
    assert suite.SuiteCase("matmul", "n=10").work == 2000
    assert suite.SuiteCase("add", "n=10").work == 3 * 100 * 4


@pytest.mark.parametrize("name", ["", "matmul", "dance/n=4/float32/warm/wall", "a/b/c/d/e/f/g"])
def test_case_named_when_it_is_no_name_then_says_what_one_is(name):
    with pytest.raises(ResultError, match="workload/size/float32/warm/clock"):
        suite.case_named(name)
