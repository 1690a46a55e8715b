import pytest

from labs.backends.electrical import options
from labs.errors import DeviceError


@pytest.mark.parametrize(
    "arch",
    [
        "x86_64,native,v64,O3",
        "x86_64,x86-64-v3,v32,O2,t4,scalar,stock",
        "arm64,native,v16,Os",
        "x86_64,native,v16,O3,fastmath",
    ],
)
def test_arch_when_parsed_then_it_is_written_the_same_again(arch):
    assert options.parse(arch).arch == arch


@pytest.mark.parametrize("word", ["v7", "v128", "O9", "t0", "t17", "fast", ""])
def test_arch_when_a_word_means_nothing_then_it_says_what_would(word):
    with pytest.raises(DeviceError) as caught:
        options.parse(f"x86_64,native,{word}")
    assert f"'{word}'" in str(caught.value) and "fastmath" in str(caught.value)


def test_default_arch_then_it_names_the_vectors_of_this_machine():
    here = options.parse(options.default_arch())
    assert here.vector_bytes == options.host_vector_bytes() in options.VECTOR_BYTES
    assert here.cpu == "native" and here.vectorize and here.schedule and not here.fast_math


@pytest.mark.parametrize(("itemsize", "lanes"), [(1, 16), (2, 16), (4, 16), (8, 8)])
def test_lanes_then_a_vector_holds_what_is_computed_in_32_bits(itemsize, lanes):
    assert options.parse("x86_64,native,v64").lanes(itemsize) == lanes
