"""labs.gpu.fixed: options that realize() and TinyJit use, while the `with` lasts and no longer."""

import numpy as np
import pytest
from tinygrad import Tensor, TinyJit
from tinygrad.codegen import to_program_cache
from tinygrad.engine import realize

from labs.gpu.fixed import LEAVE, chosen_by, fits, fixed_options
from labs.gpu.kernels import choose_kernel
from labs.gpu.notation import option_texts, parse_options

N = 12
OPTS = parse_options("UPCAST 1 6; UPCAST 0 3")


@pytest.fixture
def product():
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal((N, N)).astype(np.float32) for _ in range(2)]
    tensors = [Tensor(a, device="CPU").realize() for a in arrays]
    return tensors, arrays[0] @ arrays[1]


@pytest.fixture
def key():
    return choose_kernel(f"matmul:n={N}", "CPU").key


def _compiled(action):
    """The options of what was compiled during an action, which must not be in tinygrad's cache."""
    known = dict(to_program_cache)
    to_program_cache.clear()
    action()
    found = [option_texts(p.src[0].arg.applied_opts) for p in to_program_cache.values()]
    to_program_cache.update(known)
    return found


def test_realize_uses_the_options_inside_and_the_heuristic_outside(product, key):
    (a, b), want = product
    original = realize.lower_and_compile
    result = {}
    with fixed_options({key: OPTS}, "CPU"):
        found = _compiled(lambda: result.update(inside=(a @ b).numpy()))
    assert found == [option_texts(OPTS)]
    assert realize.lower_and_compile is original
    assert _compiled(lambda: (a @ b).realize()) != [option_texts(OPTS)]
    np.testing.assert_allclose(result["inside"], want, atol=1e-5)


def test_a_tinyjit_captured_inside_keeps_them(product, key):
    (a, b), want = product
    step = TinyJit(lambda x, y: (x @ y).realize())
    with fixed_options({key: OPTS}, "CPU"):
        for _ in range(3):
            step(a, b)
    programs = [call.src[0] for call in step.captured.linear.src]
    assert [option_texts(p.src[0].arg.applied_opts) for p in programs] == [option_texts(OPTS)]
    np.testing.assert_allclose(step(a, b).numpy(), want, atol=1e-5)


def test_the_innermost_answers_first_and_hides_what_is_around_it(product, key):
    (a, b), _ = product
    with chosen_by(lambda *_: OPTS):
        with fixed_options({}, "CPU"):  # the heuristic, whatever is around
            assert _compiled(lambda: (a @ b).realize()) != [option_texts(OPTS)]
        with chosen_by(lambda *_: None):  # doesn't know: the next one is asked
            assert _compiled(lambda: (a @ b).realize()) == [option_texts(OPTS)]
        with chosen_by(lambda *_: LEAVE):
            assert _compiled(lambda: (a @ b).realize()) != [option_texts(OPTS)]


def test_kernels_of_other_devices_are_left_alone(product, key):
    (a, b), _ = product
    with fixed_options({key: OPTS}, "ELECTRICAL"):
        assert _compiled(lambda: (a @ b).realize()) != [option_texts(OPTS)]


def test_it_is_put_back_after_an_error(key):
    original = realize.lower_and_compile
    with pytest.raises(RuntimeError), fixed_options({key: OPTS}, "CPU"):
        raise RuntimeError
    assert realize.lower_and_compile is original


def test_fits_says_whether_options_fit_here():
    ast = choose_kernel(f"matmul:n={N}", "CPU").ast
    assert fits(ast, OPTS, "CPU")
    assert not fits(ast, parse_options("UPCAST 0 5"), "CPU")
