import numpy as np
import pytest
from tinygrad import Tensor, TinyJit, Variable

from labs.backends.electrical.binding import MOST_BOUND, BoundJit, bind, numpy_view
from labs.errors import DeviceError


def captured(function, *inputs) -> TinyJit:
    step = TinyJit(function)
    for _ in range(2):
        step(*inputs)
    return step


def test_bound_launch_then_it_computes_with_what_is_in_the_buffers_now(tensor):
    x = tensor(np.zeros(1000, np.float32))
    launch = bind(captured(lambda t: ((t + 1) * 2).sum().realize(), x), x)
    for value in (0.0, 3.0, -1.0):
        numpy_view(x)[:] = value
        launch()
        assert numpy_view(launch.result).reshape(-1)[0] == 1000 * (value + 1) * 2


def test_several_kernels_then_one_launch(tensor, device):
    x = tensor(np.arange(64, dtype=np.float32))

    def chain(t: Tensor) -> Tensor:
        for _ in range(5):
            t = (t + 1).contiguous()
        return t.realize()

    launch = bind(captured(chain, x), x)
    before = device.counters()
    launch()
    after = device.counters()
    assert launch.kernels == 5 and after.launches - before.launches == 5
    assert after.graphs - before.graphs == 1
    np.testing.assert_array_equal(numpy_view(launch.result), np.arange(64) + 5)


def test_result_of_a_bound_launch_then_tensors_can_go_on_with_it(tensor):
    x = tensor(np.full(32, 2, np.float32))
    launch = bind(captured(lambda t: (t * t).realize(), x), x)
    launch()
    assert (launch.result + 1).tolist() == [5.0] * 32


@pytest.mark.parametrize("calls", [0, 1])
def test_nothing_captured_yet_then_it_says_so(tensor, calls):
    x = tensor(np.zeros(8, np.float32))
    step = TinyJit(lambda t: (t + 1).realize())
    for _ in range(calls):
        step(x)
    with pytest.raises(DeviceError, match="fewer than two times"):
        bind(step, x)


def test_other_inputs_than_captured_then_refused(tensor):
    step = captured(lambda t: (t + 1).realize(), tensor(np.zeros(8, np.float32)))
    with pytest.raises(DeviceError, match="shapes and dtypes"):
        bind(step, tensor(np.zeros(9, np.float32)))


def test_work_on_another_device_then_refused():
    x = Tensor(np.zeros(8, np.float32), device="CPU").realize()
    with pytest.raises(DeviceError, match="on ELECTRICAL"):
        bind(captured(lambda t: (t + 1).realize(), x), x)


def test_symbolic_size_then_the_bound_value_is_used(tensor):
    x = tensor(np.arange(16, dtype=np.float32))
    n = Variable("n", 1, 16)
    step = TinyJit(lambda t, v: (t[:v] + 0).sum().realize())
    for size in (3, 4):
        step(x, n.bind(size))
    launch = bind(step, x, n.bind(5))
    launch()
    assert numpy_view(launch.result).reshape(-1)[0] == sum(range(5))


def test_numpy_view_then_no_copy(tensor):
    x = tensor(np.zeros((4, 5), np.int16))
    view = numpy_view(x)
    view[2, 3] = 7
    assert x.numpy()[2, 3] == 7 and view.shape == (4, 5) and view.ctypes.data % 64 == 0


@pytest.mark.parametrize("make", [lambda: Tensor.empty(3, device="CPU").realize()])
def test_numpy_view_of_what_has_no_memory_there_then_refused(make):
    with pytest.raises(DeviceError, match="realized tensor on ELECTRICAL"):
        numpy_view(make())


def test_numpy_view_of_a_lazy_tensor_then_refused(tensor):
    with pytest.raises(DeviceError, match="realize"):
        numpy_view(tensor(np.zeros(3, np.float32)) + 1)


def test_bound_jit_then_each_tensor_gives_its_own_answer_and_new_data_is_seen(tensor, device):
    energy = BoundJit(lambda t: (t * t).sum().realize())
    slots = [tensor(np.full(16, value, np.float32)) for value in (1, 2, 3)]
    for _ in range(3):
        assert [energy(x).item() for x in slots] == [16, 64, 144]
    numpy_view(slots[1])[:] = 5
    before = device.counters().graphs
    assert energy(slots[1]).item() == 16 * 25
    assert device.counters().graphs - before == 1  # one launch, and no way through TinyJit


def test_bound_jit_when_many_tensors_come_then_the_oldest_are_forgotten(tensor):
    twice = BoundJit(lambda t: (t * 2).realize())
    for value in range(MOST_BOUND + 10):
        assert twice(tensor(np.full(4, value, np.float32))).tolist() == [value * 2.0] * 4
    assert len(twice._bound) == MOST_BOUND


def test_bound_jit_when_work_leaves_the_device_then_it_says_so():
    x = Tensor(np.zeros(8, np.float32), device="CPU").realize()
    step = BoundJit(lambda t: (t + 1).realize())
    step(x)
    with pytest.raises(DeviceError, match="ELECTRICAL"):
        step(x)


def test_bind_when_a_later_kernel_does_not_see_the_input_then_it_still_fits():
    x = Tensor(np.arange(256, dtype=np.float32), device="ELECTRICAL").realize()
    step = TinyJit(lambda t: (t.reshape(4, 64).sum(-1).contiguous() * 2).realize())
    for _ in range(3):
        step(x)
    launch = bind(step, x)
    launch()
    expected = 2 * np.arange(256).reshape(4, 64).sum(-1)
    np.testing.assert_array_equal(launch.result.numpy(), expected)
