"""labs.gpu.access.coalescing: hand-computed sectors of single accesses, no kernel involved."""

import numpy as np
import pytest

from labs.errors import LabError
from labs.gpu.access import bank_conflicts, coalescing_of_addresses

# name, address of lane i, bytes per lane -> sectors of 32 B, lines of 128 B, fewest, efficiency
TABLE = [
    ("sequential float32", lambda i: 4 * i, 4, 4, 1, 4, 1.0),
    ("stride 2", lambda i: 8 * i, 4, 8, 2, 4, 0.5),
    ("stride 4", lambda i: 16 * i, 4, 16, 4, 4, 0.25),
    ("stride 8", lambda i: 32 * i, 4, 32, 8, 4, 0.125),
    ("stride 32", lambda i: 128 * i, 4, 32, 32, 4, 0.125),
    ("misaligned by 4 bytes", lambda i: 4 * i + 4, 4, 5, 2, 4, 0.8),
    ("misaligned by a sector", lambda i: 4 * i + 32, 4, 4, 2, 4, 1.0),
    ("reversed", lambda i: 4 * (31 - i), 4, 4, 1, 4, 1.0),
    ("broadcast", lambda i: 400, 4, 1, 1, 1, 0.125),
    ("two values", lambda i: 4 * (i // 16), 4, 1, 1, 1, 0.25),
    ("float4", lambda i: 16 * i, 16, 16, 4, 16, 1.0),
    ("float4 off by 8 bytes", lambda i: 16 * i + 8, 16, 17, 5, 16, 512 / (17 * 32)),
    ("float16", lambda i: 2 * i, 2, 2, 1, 2, 1.0),
    ("uint8", lambda i: i, 1, 1, 1, 1, 1.0),
    ("float64", lambda i: 8 * i, 8, 8, 2, 8, 1.0),
    ("float64 stride 2", lambda i: 16 * i, 8, 16, 4, 8, 0.5),
    ("only half the lanes", lambda i: 4 * i if i < 16 else None, 4, 2, 1, 2, 1.0),
    ("one lane", lambda i: 4 * i if i == 7 else None, 4, 1, 1, 1, 0.125),
]


@pytest.mark.parametrize(
    ("address", "width", "sectors", "lines", "fewest", "efficiency"),
    [row[1:] for row in TABLE],
    ids=[row[0] for row in TABLE],
)
def test_access_when_counted_by_hand_then_equal(address, width, sectors, lines, fewest, efficiency):
    found = coalescing_of_addresses([address(i) for i in range(32)], width)
    assert (found.sectors, found.lines, found.minimum_sectors) == (sectors, lines, fewest)
    assert found.efficiency == pytest.approx(efficiency)
    assert found.coalescing == pytest.approx(fewest / sectors)


def test_access_when_random_then_as_a_set_of_bytes():
    rng = np.random.default_rng(3)
    for width in (1, 2, 4, 16):
        addresses = rng.integers(0, 2000, 32).tolist()
        every = {a + k for a in addresses for k in range(width)}
        found = coalescing_of_addresses(addresses, width)
        assert found.useful_bytes == len(every)
        assert found.touched == tuple(sorted({b // 32 for b in every}))
        assert found.lines == len({b // 128 for b in every})


def test_access_when_all_lanes_agree_then_a_broadcast():
    assert coalescing_of_addresses([64] * 32, 4).is_broadcast
    assert not coalescing_of_addresses([64], 4).is_broadcast


def test_access_when_no_lane_is_active_then_no_efficiency():
    found = coalescing_of_addresses([None, None], 4)
    assert (found.sectors, found.efficiency, found.coalescing) == (0, None, None)


def test_access_when_lines_are_sectors_then_cpu_lines():
    found = coalescing_of_addresses([4 * i for i in range(16)], 4, sector_bytes=64, line_bytes=64)
    assert (found.sectors, found.efficiency) == (1, 1.0)


@pytest.mark.parametrize(
    ("addresses", "width"), [([], 4), ([-4], 4), ([1.5], 4), ([0], 0), ([0], 2.5), ([0], None)]
)
def test_access_when_it_makes_no_sense_then_an_error(addresses, width):
    with pytest.raises(LabError, match="count the sectors"):
        coalescing_of_addresses(addresses, width)


def test_table_then_says_what_was_counted():
    text = str(coalescing_of_addresses([4 * i + 4 for i in range(32)], 4))
    assert "80%" in text and "32 of 32" in text
    assert "one sector serves them" in coalescing_of_addresses([0, 0], 4)._repr_html_()


# Each bank is 4 bytes wide, 32 of them
BANKS = [
    ("one word each", [4 * i for i in range(32)], 4, 1),
    ("stride 2", [8 * i for i in range(32)], 4, 2),
    ("stride 32: a column", [128 * i for i in range(32)], 4, 32),
    ("stride 33: a padded column", [132 * i for i in range(32)], 4, 1),
    ("the same word", [0] * 32, 4, 1),
    ("float4 in a row", [16 * i for i in range(32)], 16, 1),
    ("float4, stride 2", [32 * i for i in range(32)], 16, 2),
    ("masked", [None] * 32, 4, 1),
]


@pytest.mark.parametrize(
    ("addresses", "width", "passes"), [row[1:] for row in BANKS], ids=[row[0] for row in BANKS]
)
def test_banks_when_counted_by_hand_then_equal(addresses, width, passes):
    assert bank_conflicts(addresses, width) == passes
