import math

import pytest

from labs.errors import DeviceError, LabError
from labs.gpu.cuda.launch import compile_launch
from labs.gpu.cuda.matmul import RUNGS, SIMPLE, matmul_launch

# elements of C that one block computes at a time
TILES = {
    "naive": 256,
    "coalesced": 256,
    "shared": 1024,
    "register": 128 * 128,
    "vector": 128 * 128,
    "mma": 128 * 128,
    "wgmma": 128 * 256,
}


@pytest.mark.parametrize("rung", TILES)
def test_launch_blocks_cover_the_result_exactly(rung):
    dtype = "float32" if rung in SIMPLE else "float16"
    launch = matmul_launch(rung, 2048, 1024, 512, dtype)
    assert math.prod(launch.grid) * TILES[rung] == 2048 * 1024
    assert (launch.defines["M"], launch.defines["N"], launch.defines["K"]) == (2048, 1024, 512)


def test_launch_of_the_persistent_rung_starts_a_block_on_each_multiprocessor():
    assert matmul_launch("hopper", 8192, 8192, 8192, "float16", multiprocessors=132).grid[0] == 132
    # never more blocks than tiles, and always whole clusters
    assert matmul_launch("hopper", 256, 512, 64, "float16", multiprocessors=132).grid[0] == 4
    assert matmul_launch("hopper", 8192, 8192, 64, "float16", multiprocessors=131).grid[0] == 130


def test_launch_of_the_top_rungs_fits_into_a_hopper_block_s_shared_memory():
    for rung in ("wgmma", "hopper"):
        launch = matmul_launch(rung, 8192, 8192, 8192, "float16")
        # 227 KiB at most, and the barriers take a kibibyte. Source: CUDA C++ programming guide
        assert launch.shared_bytes + 1024 <= 227 * 1024
        assert launch.least_capability == (9, 0)
        assert [box.tensor for box in launch.maps][:2] == [1, 2]


def test_launch_tuning_overrides_the_tiles():
    launch = matmul_launch("vector", 1024, 1024, 1024, tuning={"WARPS_M": 2})
    assert launch.defines["WARPS_M"] == 2
    assert launch.block == 256
    assert launch.grid == (8, 4, 1)


@pytest.mark.parametrize("rung", RUNGS)
def test_launch_with_sizes_that_no_tile_divides_says_which_do(rung):
    dtype = "float32" if rung in SIMPLE else "float16"
    with pytest.raises(LabError, match="multiples of") as caught:
        matmul_launch(rung, 1000, 1001, 1000, dtype)
    assert "1001 for" in caught.value.got
    with pytest.raises(LabError):
        matmul_launch(rung, 0, 1024, 1024, dtype)


def test_launch_with_a_dtype_the_rung_lacks_lists_those_it_has():
    with pytest.raises(LabError, match="float16, bfloat16"):
        matmul_launch("hopper", 1024, 1024, 1024, "float32")
    with pytest.raises(LabError, match="float32, float16"):
        matmul_launch("naive", 1024, 1024, 1024, "float64")
    with pytest.raises(LabError, match="one of naive"):
        matmul_launch("magic", 1024, 1024, 1024)


def test_compile_for_an_older_gpu_is_refused_before_the_compiler_is_asked():
    launch = matmul_launch("hopper", 1024, 1024, 1024, "float16")
    with pytest.raises(DeviceError, match="at least 9.0"):
        compile_launch(launch, (8, 0))
