"""labs.gpu.access.cache_model: hits counted by hand, and by a second, slower method."""

import numpy as np
import pytest

from labs.errors import LabError
from labs.gpu.access import CacheLevel, ModelLevel, gpu_levels, simulate_cache


def one_level(lines, sets, ways, line_bytes=16):
    level = ModelLevel("L1", sets * ways * line_bytes, line_bytes, ways)
    return simulate_cache([line * line_bytes for line in lines], [level]).levels[0]


# name, lines asked for, sets, ways -> hits
TABLE = [
    ("a repeat", [0, 0, 0], 4, 1, 2),
    ("direct mapped: 0 and 4 share set 0", [0, 1, 0, 4, 0], 4, 1, 1),
    ("two ways keep both", [0, 4, 0, 4], 2, 2, 2),
    ("the least recently used goes", [0, 2, 0, 4, 2], 2, 2, 1),
    ("a hit makes it recent", [0, 2, 0, 4, 0], 2, 2, 2),
    ("other sets are not disturbed", [0, 1, 3, 5, 7, 0], 2, 2, 1),
    ("a cycle one line too long never hits", [0, 1, 2, 0, 1, 2], 1, 2, 0),
    ("a cycle that fits always does", [0, 1, 2, 0, 1, 2], 1, 3, 3),
    ("back and forth", [0, 1, 2, 1, 0], 1, 2, 1),
]


@pytest.mark.parametrize(
    ("lines", "sets", "ways", "hits"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_hits_when_counted_by_hand_then_equal(lines, sets, ways, hits):
    found = one_level(lines, sets, ways)
    assert (found.accesses, found.hits) == (len(lines), hits)
    assert found.hit_rate == hits / len(lines)


def test_hits_when_random_then_as_by_distinct_lines_in_between():
    """An access hits when fewer than `ways` other lines of its set came since its last time."""
    lines = np.random.default_rng(1).integers(0, 40, 600).tolist()
    sets, ways = 4, 4
    expected = 0
    for i, line in enumerate(lines):
        before = [j for j in range(i) if lines[j] == line]
        if before:
            between = {x for x in lines[before[-1] + 1 : i] if x % sets == line % sets}
            expected += len(between) < ways
    assert one_level(lines, sets, ways).hits == expected


def test_levels_then_the_second_gets_what_the_first_missed():
    levels = [ModelLevel("L1", 32, 16, 2), ModelLevel("L2", 64, 16, 4)]
    found = simulate_cache([0, 16, 32, 0], levels)
    assert [(r.accesses, r.hits) for r in found.levels] == [(4, 0), (4, 1)]
    assert found.memory_bytes == 3 * 16
    assert found.hit_rate == 0


def test_longer_lines_in_the_second_level_then_neighbours_hit_there():
    levels = [ModelLevel("L1", 16, 16, 1), ModelLevel("L2", 256, 64, 4)]
    found = simulate_cache([0, 16, 32, 48], levels)
    assert [(r.accesses, r.hits) for r in found.levels] == [(4, 0), (4, 3)]


def test_a_wide_access_then_every_line_it_covers():
    found = simulate_cache([8], [ModelLevel("L1", 256, 16, 4)], bytes_per_access=32)
    assert found.levels[0].accesses == 3  # bytes 8 to 40: lines 0, 1, 2


def test_bytes_in_order_then_one_miss_per_line():
    found = simulate_cache(list(range(0, 4096, 4)), [CacheLevel("L1", 1024, 64, 8, "", "")])
    assert found.hit_rate == 15 / 16


def test_nothing_followed_then_no_hit_rate():
    assert simulate_cache([], [ModelLevel("L1", 256, 16, 4)]).hit_rate is None


def test_table_then_says_that_it_is_a_model():
    text = str(simulate_cache([0, 0], [CacheLevel("L1", 1024, None, None, "", "")]))
    assert "L1 (model)" in text and "not a measurement" in text and "16 ways" in text


@pytest.mark.parametrize(
    ("stream", "levels"),
    [
        ([0], []),
        ([0], [ModelLevel("L1", 32, 64, 1)]),
        ([-4], [ModelLevel("L1", 256, 16, 4)]),
        ([[0, 1]], [ModelLevel("L1", 256, 16, 4)]),
    ],
)
def test_bad_input_then_an_error_of_the_course(stream, levels):
    with pytest.raises(LabError):
        simulate_cache(stream, levels)


def test_gpu_levels_when_unknown_then_the_known_ones():
    assert [level.name for level in gpu_levels("sm_90")] == ["L1", "L2"]
    with pytest.raises(LabError, match="sm_80"):
        gpu_levels("sm_999")
