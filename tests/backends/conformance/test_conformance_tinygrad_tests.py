"""Tests in the way tinygrad writes them, run on a backend that only the plugin knows."""

import pytest

from labs.backends.conformance.target import parse_target
from labs.backends.conformance.tinygrad_tests import run_tinygrad_tests
from labs.errors import LabError
from labs.paths import PROJECT_ROOT

HEALTHY = f"HEALTHY={PROJECT_ROOT / 'tests' / 'backends' / 'faulty' / 'healthy.py'}"
TESTS = """
import os, unittest
from tinygrad import Device, Tensor
from test.helpers import expected

class TestSmall(unittest.TestCase):
    def test_add(self):
        self.assertEqual(Device.DEFAULT, "HEALTHY")
        self.assertEqual((Tensor([1, 2]) + 1).tolist(), expected)

    def test_fails(self):
        self.assertEqual((Tensor([1.0]) * 2).item(), 3.0)

    @unittest.skip("not today")
    def test_later(self):
        pass

    @unittest.expectedFailure
    def test_known(self):
        self.fail("as expected")

    def test_mends(self):
        self.assertEqual((Tensor([1.0]) * 4).item(), 4.0)
"""
CRASHES = """
import os, time
from tinygrad import Tensor

def test_dies():
    os._exit(7)

def test_hangs():
    time.sleep(60)

def test_last():
    assert (Tensor([1.0]) + 1).item() == 2.0
"""


@pytest.fixture
def checkout(tmp_path):
    """A folder that looks like tinygrad's, with a package of its name that must not be used."""
    (tmp_path / "tinygrad").mkdir()
    (tmp_path / "tinygrad" / "__init__.py").write_text("raise RuntimeError('the checkout')")
    (tmp_path / "pyproject.toml").write_text('[tool.pytest.ini_options]\naddopts = "--nonsense"\n')
    folder = tmp_path / "test"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "helpers.py").write_text("expected = [2, 3]\n")
    (folder / "test_tiny.py").write_text(TESTS)
    return tmp_path


@pytest.mark.slow
def test_run_when_a_checkout_then_each_test_has_its_result(checkout):
    seen = []
    progress = lambda *event: seen.append(event)  # noqa: E731
    results = run_tinygrad_tests(parse_target(HEALTHY), checkout, progress=progress)
    status = {r.case.rpartition("::")[2]: r.status for r in results}
    assert status == {
        "test_add": "passed",
        "test_fails": "failed",
        "test_later": "skipped",
        "test_known": "skipped",
        "test_mends": "passed",
    }
    assert all(r.case.startswith("tinygrad/test/test_tiny.py::TestSmall::") for r in results)
    message = next(r.message for r in results if r.status == "failed")
    assert "2.0 != 3.0" in message
    assert seen[-1] == (5, 5, "done")


@pytest.mark.slow
def test_run_when_tests_die_and_hang_then_they_fail_and_the_next_one_runs(tmp_path):
    file = tmp_path / "test_it.py"
    file.write_text(CRASHES)
    results = run_tinygrad_tests(parse_target("CPU"), file, timeout_s=6.0)
    found = {r.case.rpartition("::")[2]: r for r in results}
    assert {name: r.status for name, r in found.items()} == {
        "test_dies": "failed",
        "test_hangs": "failed",
        "test_last": "passed",
    }
    assert "ended with code 7" in found["test_dies"].message
    assert "took longer than 6 s" in found["test_hangs"].message


@pytest.mark.slow
def test_run_when_there_are_no_tests_then_an_error(tmp_path):
    (tmp_path / "test_none.py").write_text("")
    with pytest.raises(LabError, match="tests that pytest finds"):
        run_tinygrad_tests(parse_target("CPU"), tmp_path / "test_none.py")


def test_run_when_there_is_no_such_path_then_an_error_that_says_what_to_fetch():
    with pytest.raises(LabError) as caught:
        run_tinygrad_tests(parse_target("CPU"), "no/such/checkout")
    assert "v0.14.0" in caught.value.next_step
