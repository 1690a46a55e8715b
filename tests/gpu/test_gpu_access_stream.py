"""labs.gpu.access.stream: the order of a kernel's addresses, against loops written in Python."""

import pytest

from labs import toolchain
from labs.errors import LabError

toolchain.activate()

from tinygrad import Tensor, dtypes
from tinygrad.codegen.opt import Opt, OptOps

from labs.gpu.access import ModelLevel, address_stream, simulate_cache

PAGE = 4096


def product(n):
    return lambda: Tensor.empty(n, n) @ Tensor.empty(n, n)


def places(stream):
    """(page, element, is a store) of each access; each buffer has a page of its own here."""
    pairs = zip(stream.addresses.tolist(), stream.is_store.tolist(), strict=True)
    return [(a // PAGE, a % PAGE // 4, store) for a, store in pairs]


def test_processor_then_statement_by_statement_and_loop_by_loop():
    n = 3
    found = places(address_stream(product(n), "CPU", []))
    left, right = found[0][0], found[1][0]
    expected = []
    for i in range(n):
        for j in range(n):
            for k in range(n):
                pair = {(left, i * n + k, False), (right, k * n + j, False)}
                expected.append(pair)
            expected.append({(3 - left - right, i * n + j, True)})
    at = 0
    for group in expected:
        assert set(found[at : at + len(group)]) == group
        at += len(group)
    assert at == len(found)


def test_gpu_then_block_by_block_and_warps_together():
    stream = address_stream(lambda: Tensor.empty(128) + 1, "CUDA", [Opt(OptOps.LOCAL, 0, 64)])
    load, store = [[4 * i for i in range(64 * b, 64 * b + 64)] for b in (0, 1)], None
    store = [[PAGE + a for a in block] for block in load]
    first = stream.addresses.tolist()
    assert first == [*load[0], *store[0], *load[1], *store[1]]
    # two warps of 32 make one request each
    assert stream.requests.tolist() == [i // 32 for i in range(256)]
    assert stream.is_store.sum() == 128 and (len(stream), stream.total) == (256, 256)


def test_masked_lanes_then_left_out():
    stream = address_stream(lambda: Tensor.empty(20).pad((0, 12)) + 1, "CUDA", [])
    assert (len(stream), int(stream.is_store.sum())) == (20 + 32, 32)


def test_too_many_then_the_outermost_loops_are_cut_and_it_says_so():
    stream = address_stream(product(32), "CPU", [], max_accesses=3000)
    assert len(stream) <= 3000
    assert stream.total == 32 * 32 * (2 * 32 + 1)
    assert stream.taken == "the first 1 of 32 rounds of loops at depth 1"
    blocks = address_stream(
        lambda: Tensor.empty(4096) + 1, "CUDA", [Opt(OptOps.LOCAL, 0, 32)], max_accesses=640
    )
    assert (len(blocks), blocks.taken) == (640, "the first 10 of 128 blocks")


def test_a_model_when_rows_are_walked_then_columns_hit_less():
    """16 of a row share a line, of a column none, and a small cache forgets the rest of it."""
    levels = [ModelLevel("L1", 1024, 64, 2)]

    def rows():
        return Tensor.empty(64, 64) + 1

    def columns():
        return Tensor.empty(64, 64).T + 1

    by_rows = simulate_cache(address_stream(rows, "CPU", []), levels)
    by_columns = simulate_cache(address_stream(columns, "CPU", []), levels)
    # one miss per line of loads and of stores, where loads miss always
    assert by_rows.levels[0].load_hits == 4096 * 15 // 16
    assert by_columns.levels[0].load_hits == 0


def test_lanes_of_a_warp_when_they_share_a_line_then_it_is_asked_for_once():
    stream = address_stream(lambda: Tensor.empty(32) + 1, "CUDA", [Opt(OptOps.LOCAL, 0, 32)])
    found = simulate_cache(stream, [ModelLevel("L1", 4096, 128, 4)]).levels[0]
    assert (found.accesses, found.load_accesses) == (2, 1)


def test_unknown_index_then_an_error_that_says_what_to_pass():
    def gathered():
        return Tensor.empty(64)[Tensor.empty(32, dtype=dtypes.int)]

    with pytest.raises(LabError, match="pass data="):
        address_stream(gathered, "CPU", [])


@pytest.mark.parametrize(
    ("settings", "word"), [({"kernel": 5}, "0 to 0"), ({"max_accesses": 0}, "0")]
)
def test_bad_input_then_an_error_of_the_course(settings, word):
    with pytest.raises(LabError, match=word):
        address_stream(product(4), "CPU", [], **settings)
