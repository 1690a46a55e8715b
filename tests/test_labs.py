"""The package itself: cheap to import, names where the syllabus promises them."""

import subprocess
import sys

import pytest

import labs

HEAVY = ("tinygrad", "numpy", "scipy", "matplotlib", "ipywidgets", "IPython", "pyperf", "sqlite3")


def test_import_labs_loads_nothing_heavy():
    code = f"import sys, labs; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(AttributeError, match="BackendExplorer"):
        labs.NoSuchName  # noqa: B018


@pytest.mark.parametrize("name", labs.__all__)
def test_public_name_resolves(name):
    assert getattr(labs, name) is not None
