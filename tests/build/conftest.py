"""A small course to build: one source with a set-up, a hole, a check and text."""

import pytest

SOURCE = '''\
# ---
# jupyter:
#   kernelspec:
#     name: python3
# ---

# %% [markdown]
# # Title
#
# Text with `code` and umlauts: äöü.

# %% tags=["setup"]
from labs.grading import check

# %% tags=["answer", "ex-1-3"]
def matmul_cost(m, k, n, itemsize):
    """Work and traffic of (m, k) @ (k, n)."""
    ### BEGIN SOLUTION
    # the comment does not count
    flop = 2 * m * n * k

    return flop, itemsize * (m * k + k * n + m * n)
    ### END SOLUTION


# %% tags=["check", "ex-1-3"]
check("1.3", matmul_cost)
### BEGIN HIDDEN TESTS
assert matmul_cost(1, 1, 1, 1) == (2, 3)
### END HIDDEN TESTS

# %%
print("last")
'''
NAME = "01_backend_architecture"


@pytest.fixture
def source_text():
    return SOURCE


@pytest.fixture
def course(tmp_path):
    """A folder with solutions/NAME.py in it."""
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions" / f"{NAME}.py").write_text(SOURCE, encoding="utf-8")
    return tmp_path
