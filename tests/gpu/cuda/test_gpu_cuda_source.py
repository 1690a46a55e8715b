import re

import pytest

from labs.errors import LabError
from labs.gpu.cuda.matmul import RUNGS
from labs.gpu.cuda.rungs import LADDER, rung
from labs.gpu.cuda.source import full_source, kernel_names, kernel_text, wgmma_function


def test_kernels_each_rung_has_a_file_with_a_function_of_its_name():
    for step in LADDER:
        assert f"matmul_{step.name}(" in step.source
    assert set(kernel_names()) >= {f"matmul_{name}" for name in RUNGS}


def test_full_source_starts_with_the_macros_and_ends_with_the_kernel():
    source = full_source("matmul_naive", {"M": 64, "HALF": 1})
    assert source.startswith("#define M 64\n\n#define HALF 1\n")
    assert source.endswith(kernel_text("matmul_naive"))
    assert "wgmma" not in source


def test_full_source_without_headers_compiles_where_there_is_no_toolkit():
    for name in kernel_names():
        assert "#include" not in full_source(name, {}, wgmma_columns=256)


def test_wgmma_function_of_256_columns_names_128_sums_once_each():
    text = wgmma_function(256)
    assert "m64n256k16.f32.f16.f16" in text
    assert re.findall(r"sum\[(\d+)\]\)", text) == [str(i) for i in range(128)]
    assert "%127}, %128, %129, add" in text
    assert ".f32.bf16.bf16" in wgmma_function(64, bfloat16=True)


@pytest.mark.parametrize("columns", [0, 12, 264])
def test_wgmma_function_with_impossible_columns_says_which_are_possible(columns):
    with pytest.raises(LabError, match="a multiple of 8 from 8 to 256"):
        wgmma_function(columns)


def test_kernel_text_of_an_unknown_name_lists_the_known():
    with pytest.raises(LabError, match="matmul_naive"):
        kernel_text("matmul_magic")
    with pytest.raises(LabError, match="one of naive, coalesced"):
        rung("magic")
