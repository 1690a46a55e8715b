from dataclasses import dataclass

import numpy as np
import pytest

from labs import backends, toolchain

toolchain.activate()
backends.register()

from labs.electrical.blocks import Block, Channel
from labs.electrical.limits import EXAMPLES, example, load_limits
from labs.electrical.validate import validate
from labs.errors import LabError

FS_HZ = 20_000.0


@dataclass
class Record:
    samples: np.ndarray
    channels: tuple = (Channel("u", "V"),)
    name: str = "record"
    fs_hz: float = FS_HZ
    start: None = None
    notes: tuple = ()

    def blocks(self, length=65536):
        yield Block(0, 0.0, self.fs_hz, self.samples.astype(np.float32)[None])

    def close(self):
        pass


def rise(at_s, tau_s, count, times=2):
    """A 5 V supply with one pole, switched on so many times."""
    t = np.arange(count) / FS_HZ - at_s
    return np.tile(np.where(t >= 0, 5 * (1 - np.exp(-np.maximum(t, 0) / tau_s)), 0.0), times)


def test_examples_then_each_can_be_read():
    names = sorted(p.stem for p in EXAMPLES.glob("*.yaml"))
    assert names == ["adc", "mask", "step", "supply"]
    for name in names:
        spec = load_limits(example(name))
        assert spec.requirements and "(example)" in spec.name and spec.about
    with pytest.raises(LabError, match="adc, mask, step, supply"):
        example("suply")
    with pytest.raises(LabError, match="one of adc"):
        example("../examples/adc")


@pytest.mark.parametrize(
    ("name", "good", "bad", "quantities"),
    [
        # rise time of one pole: ln 9 * tau, 0.88 ms and 1.1 ms
        ("step", rise(1e-3, 0.4e-3, 200), rise(1e-3, 0.5e-3, 200), {"rise_time"}),
        ("mask", rise(3e-3, 0.4e-3, 401), rise(1e-3, 0.4e-3, 401), {"margin", "violations"}),
    ],
)
def test_example_then_it_passes_what_is_right_and_fails_what_is_not(name, good, bad, quantities):
    limits = load_limits(example(name))
    assert validate(limits, Record(good), device="CPU").verdict.status == "PASS"
    verdict = validate(limits, Record(bad), device="CPU").verdict
    assert verdict.status == "FAIL"
    assert {r.quantity for r in verdict.violations} == quantities
