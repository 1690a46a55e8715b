"""Seam: a device is named only in ParamArg.device, COPY.arg and ALLREDUCE.arg of a graph."""

import pytest
from tinygrad import Tensor
from tinygrad.uop.ops import ParamArg

from labs.lowering.scheduling import move


def devices(graph):
    found = set()
    for uop in graph.toposort():
        device = uop.device
        found |= set(device) if isinstance(device, tuple) else {device}
        if isinstance(uop.arg, ParamArg):
            found.add(uop.arg.device)
    return found - {None}


@pytest.mark.parametrize(
    "make",
    [
        lambda: Tensor.empty(4) + 1,
        lambda: (Tensor.empty(4).to("CPU:1") + 1).to("CPU"),
        lambda: Tensor.rand(4, 4) @ Tensor.rand(4, 4),
        lambda: (Tensor.empty(8, 2).shard(("CPU", "CPU:1"), axis=0) + 1).sum(),
        lambda: Tensor.empty(4).clone().assign(Tensor.empty(4) + 1),
    ],
)
def test_nothing_of_the_old_device_is_left(make):
    graph = make().uop
    before = devices(graph)
    moved = devices(move(graph, "CPU", "METAL"))
    assert not any(device.startswith("CPU") for device in moved)
    assert moved == {d.replace("CPU", "METAL") for d in before}
    assert devices(graph) == before
