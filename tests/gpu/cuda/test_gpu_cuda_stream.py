import pytest

from labs.errors import LabError
from labs.gpu.cuda.stream import STREAMS, stream_bytes, stream_launch


def test_stream_launch_blocks_cover_every_element_once():
    for name in ("copy", "add_one", "add"):
        launch = stream_launch(name, 1 << 20)
        assert launch.grid[0] * launch.block * launch.defines["EACH"] * 4 == 1 << 20
        assert launch.entry == f"stream_{name}"


def test_stream_launch_of_the_sum_gives_each_block_a_place_and_one_counter():
    launch = stream_launch("sum", 1 << 28, multiprocessors=132)
    assert launch.grid[0] == 4 * 132
    assert launch.scratch_bytes == (4 * 4 * 132, 4)
    assert stream_launch("sum", 1 << 15).grid[0] == 1  # never more blocks than work


def test_stream_bytes_count_each_array_once():
    assert [stream_bytes(n, 100) for n in ("copy", "add_one", "add", "sum")] == [
        800,
        800,
        1200,
        400,
    ]
    assert stream_bytes("transpose", 100) == 80000


@pytest.mark.parametrize("name", STREAMS)
def test_stream_launch_of_a_size_that_no_block_divides_says_the_next_that_does(name):
    with pytest.raises(LabError) as caught:
        stream_launch(name, 1001)
    stream_launch(name, int(caught.value.next_step.split()[-1]))


def test_stream_launch_of_an_unknown_kernel_lists_the_known():
    with pytest.raises(LabError, match="copy, add_one"):
        stream_launch("multiply", 1024)
