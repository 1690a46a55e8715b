"""labs.gpu.rungs: which options each rung adds, for devices that are here and that aren't."""

import pytest

from labs.gpu.kernels import backend_of, choose_kernel, loops_of
from labs.gpu.notation import option_texts
from labs.gpu.options import apply
from labs.gpu.rungs import NAMES, WORDS, plan_rungs


def _plans(device, spec):
    kernel = choose_kernel(spec, device)
    plans = plan_rungs(loops_of(kernel.ast, backend_of(device).renderer), "the product")
    return {p.name: p for p in plans}


def _texts(plans):
    return {name: option_texts(p.opts) for name, p in plans.items() if p.opts}


def test_every_rung_but_the_search_is_planned_in_order_and_has_its_words():
    plans = _plans("CPU", "matmul:n=64")
    assert tuple(plans) == NAMES[:-1] and set(WORDS) == set(NAMES)
    assert plans["heuristic"].opts is None and plans["heuristic"].possible
    assert plans["none"].opts == ()


def test_a_cpu_has_tile_steps_and_threads_and_says_why_it_has_no_groups():
    plans = _plans("CPU", "matmul:n=64")
    tile = ("UPCAST 1 4", "UPCAST 0 4")
    found = _texts(plans)
    assert found["upcast"] == tile and found["unroll"] == (*tile, "UNROLL 0 4")
    assert found["threads"][:3] == found["unroll"] and found["threads"][3].startswith("THREAD 0")
    for name, word in (
        ("local", "no work groups"),
        ("group", "no local memory"),
        ("padding", "64x64 needs none"),
        ("tensor cores", "knows no tensor cores"),
    ):
        assert not plans[name].possible and word in plans[name].reason
    assert plans["threads"].base == "unroll" and plans["unroll"].base == "upcast"


def test_a_gpu_has_groups_and_the_tensor_cores_of_tinygrads_own_choice():
    spec = "matmul:n=512,dtype=float16"
    plans = _plans("CUDA:sm_90", spec)
    found = _texts(plans)
    assert found["local"][-2:] == ("LOCAL 1 16", "LOCAL 0 16")
    assert found["group"][-1] == "GROUP 0 16" and plans["group"].base == "unroll"
    assert not plans["threads"].possible
    heuristic = apply(spec, None, "CUDA:sm_90").opts
    assert found["tensor cores"][1:] == heuristic[1:] and heuristic[0].startswith("TC 0")


def test_float32_has_no_tensor_cores_on_cuda():
    plan = _plans("CUDA:sm_90", "matmul:n=512")["tensor cores"]
    assert "no tensor core of this device takes this product" in plan.reason


@pytest.mark.parametrize(
    ("device", "n", "options"),
    [
        ("CPU", 250, ("PADTO 0 4", "PADTO 1 4", "UPCAST 1 4", "UPCAST 0 4")),
        ("CPU", 101, ("PADTO 0 4", "PADTO 1 4", "UPCAST 1 4", "UPCAST 0 4")),
        (
            *("WGSL", 100),
            ("PADTO 0 64", "PADTO 1 64", "UPCAST 1 4", "UPCAST 0 4", "LOCAL 1 16", "LOCAL 0 16"),
        ),
    ],
)
def test_a_size_that_needs_it_is_padded_but_never_the_sum(device, n, options):
    assert _texts(_plans(device, f"matmul:n={n}"))["padding"] == options


def test_a_prime_size_has_no_tile_and_says_what_to_do():
    plans = _plans("CPU", "matmul:n=101")
    assert "see padding" in plans["upcast"].reason and not plans["unroll"].possible
