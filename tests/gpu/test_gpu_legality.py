"""labs.gpu.legality: axes as data, and tinygrad's reasons in plain words."""

import pytest

from labs.gpu.kernels import OptionError, backend_of, choose_kernel, loops_of
from labs.gpu.legality import axes_of, fitted, legal_steps, require, work_items, written_out
from labs.gpu.notation import option_text, parse_options


@pytest.fixture(scope="module")
def loops():
    def make(device, spec="matmul:n=512"):
        kernel = choose_kernel(spec, device)
        return loops_of(kernel.ast, backend_of(device).renderer)

    return {d: make(d) for d in ("CPU", "CUDA:sm_90")} | {
        "half": make("CUDA:sm_90", "matmul:n=512,dtype=float16")
    }


def test_axes_say_their_numbers_for_each_kind_of_option(loops):
    kernel = require(loops["CPU"], parse_options("UPCAST 1 8; UNROLL 0 4"), "it")
    rows = [(a.index, a.name, a.size, a.unroll, a.group) for a in axes_of(kernel)]
    assert rows == [
        (0, "L0", 512, None, None),
        (1, "L1", 64, None, None),
        (2, "u0", 8, None, None),
        (3, "R0", 128, 0, 0),
        (4, "r0", 4, None, None),
    ]
    assert written_out(kernel) == 32


@pytest.mark.parametrize(
    ("device", "options", "words"),
    [
        ("CPU", "UPCAST 5 4", "there is no such axis"),
        ("CPU", "UNROLL 3 4", "there is no such axis"),
        ("CPU", "UPCAST 0 3", "3 doesn't divide the axis' 512 steps"),
        ("CPU", "UPCAST 2 4", "a summed axis takes UNROLL"),
        ("CPU", "UPCAST 0 0", "at most 16 values"),
        ("CPU", "UNROLL 0 64", "at most 32 steps"),
        ("CPU", "LOCAL 0 4", "no work groups and no local memory"),
        ("CPU", "GROUP 0 4", "no work groups and no local memory"),
        ("CPU", "SWAP 0 1", "only two axes of the launch"),
        ("CPU", "THREAD 0 512", "more threads than this device"),
        ("CPU", "THREAD 0 2; THREAD 1 2", "one axis is spread over threads already"),
        ("CPU", "PADTO 0 4096", "more than four times the work"),
        ("CPU", "UPCAST 0 4; PADTO 2 3", "what is written out can't be padded"),
        ("CPU", "TC 0", "no tensor core of this device"),
        ("CUDA:sm_90", "TC 0", "no tensor core of this device"),
        ("CUDA:sm_90", "NOLOCALS; LOCAL 0 4", "NOLOCALS came before"),
        ("CUDA:sm_90", "THREAD 0 2", "this device runs no CPU threads"),
        ("CUDA:sm_90", "LOCAL 0 16; LOCAL 1 16; GROUP 0 256", "a group's shared memory"),
        ("CUDA:sm_90", "LOCAL 0 32; LOCAL 1 32; LOCAL 0 2", "2048 work items in a group"),
        ("half", "UPCAST 0 4; TC 0", "tensor cores have to be the first"),
        ("half", "TC 0; GROUP 0 4", "this sum lies inside another sum"),
    ],
)
def test_an_illegal_option_is_refused_in_plain_words(loops, device, options, words):
    opts = parse_options(options)
    with pytest.raises(OptionError) as caught:
        require(loops[device], opts, "the kernel")
    error = caught.value
    assert words in error.got
    assert error.expected and error.next_step
    assert f"(option {len(opts)})" in error.asked  # the last one is the wrong one
    assert fitted(loops[device], opts) is None


def test_a_refusal_names_axes_that_exist_and_options_that_fit(loops):
    with pytest.raises(OptionError) as caught:
        require(loops["CPU"], parse_options("UPCAST 1 3"), "the kernel")
    assert "1 (L1, 512 steps, a loop over results)" in caught.value.expected
    assert "R0" not in caught.value.expected  # an axis that UPCAST doesn't take
    named = caught.value.next_step.split("'")[1]
    assert named.startswith("UPCAST 1") and fitted(loops["CPU"], parse_options(named))


def test_tinygrads_own_words_stand_beside_ours(loops):
    with pytest.raises(OptionError, match="tinygrad: don't unroll more than 32"):
        require(loops["CPU"], parse_options("UNROLL 0 64"), "the kernel")


@pytest.mark.parametrize("device", ["CPU", "CUDA:sm_90", "half"])
def test_every_legal_step_fits(loops, device):
    steps = legal_steps(loops[device], padding=True)
    assert len(set(steps)) == len(steps) > 10
    for step in steps:
        require(loops[device], (step,), option_text(step))
    names = {s.op.name for s in steps}
    assert ("LOCAL" in names) == (device != "CPU") and ("TC" in names) == (device == "half")


def test_work_items_count_local_and_group_axes(loops):
    kernel = require(loops["CUDA:sm_90"], parse_options("LOCAL 0 8; GROUP 0 4"), "it")
    assert work_items(kernel) == 32
