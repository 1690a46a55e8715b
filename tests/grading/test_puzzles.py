from labs.grading.checks import nb01
from labs.grading.puzzles import _FOUR, four_kernels
from labs.lowering import TARGETS


def test_the_letters_are_those_of_the_judge():
    words = {
        "CUDA": "CUDA",
        "WGSL": "WGSL",
        "OpenCL C": "OpenCL C",
        "Metal": "Metal Shading Language",
    }
    languages = {letter: TARGETS[target].language for letter, target in _FOUR.items()}
    for letter, word in nb01._LANGUAGES.items():
        assert languages[letter].startswith(words[word])


def test_every_kernel_starts_with_its_own_first_line_and_no_name_gives_it_away():
    sources = dict(four_kernels().items)
    assert sources["A"].startswith('extern "C" __global__') and sources["C"].startswith("__kernel")
    assert sources["D"].startswith("kernel void") and "@compute" in sources["B"]
    assert not any("metal_stdlib" in text or "CUDA" in text for text in sources.values())
