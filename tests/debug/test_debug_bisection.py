"""labs.debug.bisect: each fault in the kernel that has it, nothing on healthy devices."""

import numpy as np
import pytest

from labs.debug import DebugError, bisect
from labs.debug.tolerance import tolerance_of
from labs.errors import DeviceError

I32 = np.array([-7, 3, 2**31 - 1, 5, -9, 12], np.int32)
J32 = np.array([3, -2, 9, 2, 4, -5], np.int32)
U32 = np.array([1, 2**31 + 5, 3, 2**32 - 1], np.uint32)
BYTES = np.arange(7, dtype=np.uint8)
NANS = np.array([1, np.nan, 2, np.inf], np.float32)


def on_cpu(values):
    from tinygrad import Tensor

    return Tensor(np.asarray(values), device="CPU").realize()


# fault: what to compute of (a tensor of 5 x 7 floats), what is found there, and further options
FOUND = {
    "VIEWOFFSET": (lambda x: x.log_softmax(-1) + x.softmax(0), "wrong", {}),
    "VIEWROUNDED": (lambda x: x.flatten()[1:9].contiguous() * 1.5, "wrong", {}),
    "COPYTAIL": (lambda x: on_cpu(BYTES) + 1, "copy", {}),
    "COPYSWAPPED": (lambda x: on_cpu(BYTES) + 1, "copy", {}),
    "COPYDIRECTION": (lambda x: on_cpu(BYTES) + 1, "copy", {}),
    "STALECACHE": (lambda x: ((x * 2).contiguous() + 3).contiguous() * x, "wrong", {}),
    "ARGUMENTSSWAPPED": (lambda x: x - (x + 1).contiguous(), "wrong", {}),
    "FASTMATH": (lambda x: on_cpu(NANS).isnan().contiguous(), "wrong", {}),
    "TAIL": (lambda x: x.flatten() * 2, "wrong", {}),
    "CASTROUNDS": (lambda x: (x * 3).int(), "wrong", {}),
    "HALFTRUNCATES": (lambda x: x.half(), "wrong", {}),
    "UNSIGNEDCAST": (lambda x: on_cpu(U32).float(), "wrong", {}),
    "SATURATES": (lambda x: on_cpu(I32) + on_cpu(J32), "wrong", {}),
    "DENORMAL": (lambda x: x * 1e-39, "wrong", {"rtol": 0, "atol": 0}),
    "SIGNEDZERO": (lambda x: x * (x * 0).contiguous(), "wrong", {"signed_zero": True}),
    "SHIFT": (lambda x: on_cpu(I32) // 8, "wrong", {}),
    "SIGNEDCOMPARE": (lambda x: on_cpu(U32) < 7, "wrong", {}),
    "FLOORDIVISION": (
        lambda x: on_cpu(I32).div(on_cpu(J32), rounding_mode="trunc"),
        "wrong",
        {},
    ),
    "ROUGHSQRT": (lambda x: x.abs().sqrt(), "wrong", {}),
    "NOSYNCHRONIZE": (lambda x: (x.pad((0, 393, 0, 395)) @ on_cpu(WIDE)).sum(0), "late", {}),
    "HANG": (lambda x: x * 2, "hung", {"timeout_s": 2.0}),
    "TRAP": (lambda x: x.abs().sqrt(), "crashed", {"timeout_s": 20.0}),
}
WIDE = np.ones((400, 400), np.float32)
QUICK = ("VIEWOFFSET", "COPYTAIL", "TAIL", "ROUGHSQRT")


def marked(name):
    return pytest.param(name, marks=() if name in QUICK else pytest.mark.slow)


@pytest.mark.parametrize("name", [marked(n) for n in FOUND])
def test_bisect_when_a_device_is_broken_then_the_step_is_found(name, broken, x):
    compute, kind, options = FOUND[name]
    found = bisect(lambda: compute(x), broken(name), **options)
    assert not found.same, str(found)
    assert found.divergence.kind == kind, str(found)
    assert found.divergence.number == found.checked[-1].number
    assert [c.verdict for c in found.checked[:-1]] == ["same"] * (len(found.checked) - 1)


def test_bisect_when_the_tail_is_missing_then_all_is_said_about_it(broken, x):
    found = bisect((x.flatten() * 2).contiguous() + 1, broken("TAIL"))
    divergence = found.divergence
    assert divergence.number == 0
    assert divergence.mismatch.index == (34,)
    assert "the tail: the last 1 of 35" in divergence.mismatch.hints[0]
    assert "never written" in divergence.message
    assert "void E_" in divergence.source
    assert divergence.inputs == ("float32 35",)
    assert divergence.outputs == ("float32 35",)
    assert "diverges from CPU in step 0" in found.table().title
    assert "1 more steps were not run" in str(found)
    assert "void E_" in found._repr_html_()


@pytest.mark.slow
def test_bisect_when_a_kernel_uses_the_variable_of_an_earlier_one_then_found(broken, x):
    from tinygrad import Variable

    v, device = Variable("v", 1, 10), broken("VALSIGNORED")
    assert bisect(x.flatten()[: v.bind(7)].sum(), device).same  # the first launch is right
    assert not bisect(x.flatten()[: v.bind(3)].sum(), device).same


def healthy(x):
    """Products, sums with cancellation, maxima, views of a block, halves, and integers."""
    y = (x @ x.T).contiguous()
    z = y.log_softmax(-1) + (x * 3).exp().sum(1).reshape(5, 1)
    return (z.half() * 2).float() + (x * 10).int().max(1).reshape(5, 1)


@pytest.mark.parametrize("device", ["ELECTRICAL", "EDGE", "CL"])
def test_bisect_when_a_device_is_healthy_then_no_divergence(device, x):
    from tinygrad import Device

    try:
        Device[device]
    except Exception as error:
        pytest.skip(f"{device}: {error}")
    before = x.uop
    found = bisect(lambda: healthy(x), device)
    assert found.same, str(found)
    assert len(found.checked) == found.steps > 3
    assert "No divergence" in str(found)
    assert x.uop is before


@pytest.mark.slow
def test_bisect_in_a_child_process_then_the_same_verdicts(x, broken):
    def expression():
        return (x.flatten()[:32].contiguous() * 2).contiguous().sum() + x.flatten() * 2

    here, there = (bisect(expression, broken("TAIL"), timeout_s=t) for t in (None, 60.0))
    assert there.checked == here.checked
    assert there.divergence.mismatch.index == here.divergence.mismatch.index == (34,)
    assert there.divergence.source == here.divergence.source


def test_bisect_when_the_device_raises_then_that_is_the_divergence(x, monkeypatch):
    from tinygrad import Device

    def refuse(self, *args, **kwargs):
        raise RuntimeError("out of order")

    monkeypatch.setattr(Device["EDGE"].runtime_t, "__call__", refuse)
    found = bisect(x * 3, "EDGE")
    assert (found.divergence.kind, found.divergence.message) == (
        "raises",
        "RuntimeError: out of order",
    )
    assert found.divergence.source


@pytest.mark.parametrize(
    ("make", "device", "reference", "error", "said"),
    [
        (lambda x: x * 2, "CPU", "CPU", DebugError, "two different devices"),
        (lambda x: x, "EDGE", "CPU", DebugError, "something to compute"),
        (lambda x: 3, "EDGE", "CPU", DebugError, "a Tensor, or a function"),
        (lambda x: x * 2, "NOWHERE", "CPU", DeviceError, "course doctor"),
        (lambda x: x * 2, "NULL", "CPU", DebugError, "a device that computes"),
    ],
)
def test_bisect_when_asked_for_nonsense_then_it_says_what_to_do(
    make, device, reference, error, said, x
):
    with pytest.raises(error, match=said):
        bisect(lambda: make(x), device, reference)


@pytest.mark.parametrize("options", [{"timeout_s": -1}, {"rtol": "small"}, {"atol": float("nan")}])
def test_bisect_when_an_option_is_no_number_then_it_says_which(options, x):
    with pytest.raises(DebugError, match=f"{next(iter(options))} a number >= 0"):
        bisect(x * 2, "EDGE", **options)


@pytest.mark.parametrize(
    ("make", "exact", "terms"),
    [
        (lambda x: x.half(), True, 1),
        (lambda x: x.max(1), True, 1),
        (lambda x: x * 2, False, 1),
        (lambda x: x.sum(), False, 35),
        (lambda x: x @ x.T, False, 7),
    ],
)
def test_tolerance_then_it_follows_from_what_is_computed(make, exact, terms, x):
    from labs.debug.plan import make_plan

    step = make_plan(lambda: make(x), "CPU", "test").kernels[0]
    allowed = tolerance_of(step.ast, "CPU")
    assert (allowed.exact, allowed.terms) == (exact, terms)
