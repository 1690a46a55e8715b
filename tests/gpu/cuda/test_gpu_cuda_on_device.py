"""What can only be seen on an NVIDIA GPU; skipped everywhere else."""

import numpy as np
import pytest

from labs.errors import DeviceError, LabError
from labs.gpu.cuda import launch as cuda_launch
from labs.gpu.cuda.matmul import RUNGS, SIMPLE, matmul


def _gpu() -> tuple[int, int] | None:
    try:
        return cuda_launch.capability()
    except DeviceError:
        return None


GPU = _gpu()
needs_gpu = pytest.mark.skipif(
    GPU is None, reason="no NVIDIA GPU here: `course doctor` says what would add one"
)


def test_capability_without_a_gpu_says_what_can_be_done_instead():
    if GPU is not None:
        pytest.skip("there is a GPU")
    with pytest.raises(DeviceError, match="recorded results"):
        cuda_launch.capability()


@needs_gpu
@pytest.mark.parametrize("rung", RUNGS)
def test_matmul_by_each_rung_gives_numpys_product(rung):
    from tinygrad import Tensor

    if GPU < (9, 0) and rung in ("wgmma", "hopper") or GPU < (8, 0) and rung == "mma":
        pytest.skip(f"{rung} needs a newer GPU")
    dtype = np.float32 if rung in SIMPLE else np.float16
    rng = np.random.default_rng(0)
    # different sizes in each direction: a mix-up of two would show
    a, b = (rng.standard_normal(s).astype(dtype) for s in ((2048, 512), (512, 1024)))
    got = matmul(Tensor(a, device="CUDA"), Tensor(b, device="CUDA"), rung).numpy()
    want = a.astype(np.float64) @ b.astype(np.float64)
    np.testing.assert_allclose(got, want, rtol=2e-3, atol=0.05 if dtype == np.float16 else 1e-3)


@needs_gpu
def test_try_rungs_reports_a_kernel_that_never_ends_and_goes_on(monkeypatch, tmp_path):
    from labs.gpu.cuda import source
    from labs.gpu.cuda.trial import try_rungs

    folder = tmp_path / "kernels"
    folder.mkdir()
    for path in source.FOLDER.iterdir():
        (folder / path.name).write_text(path.read_text())
    broken = (folder / "matmul_naive.cu").read_text()
    endless = broken.replace(
        "float sum = 0;", "float sum = 0; while (*(volatile element*)A != 12345);"
    )
    (folder / "matmul_naive.cu").write_text(endless)
    wrong = (folder / "matmul_shared.cu").read_text().replace("a[y][k]", "a[k][y]")
    (folder / "matmul_shared.cu").write_text(wrong)
    lost = (folder / "matmul_register.cu").read_text().replace("C[(row0", "C[(1l << 40) + (row0")
    (folder / "matmul_register.cu").write_text(lost)
    monkeypatch.setenv("LABS_CUDA_KERNELS", str(folder))
    found = try_rungs(
        ["naive", "coalesced", "shared", "register", "vector"],
        (512, 512, 512),
        "float32",
        time_limit_s=20,
    )
    assert "still running after 20 s" in found["naive"]
    assert "wrong answer" in found["shared"]
    assert "illegal" in found["register"] or "ended with code" in found["register"]
    assert found["coalesced"] == found["vector"] == ""


@needs_gpu
def test_compile_of_broken_source_gives_nvrtcs_message(monkeypatch, tmp_path):
    from labs.gpu.cuda import source

    for path in source.FOLDER.iterdir():
        (tmp_path / path.name).write_text(path.read_text())
    (tmp_path / "matmul_naive.cu").write_text('extern "C" __global__ void matmul_naive() { oops }')
    monkeypatch.setattr(source, "FOLDER", tmp_path)
    with pytest.raises(LabError, match="oops"):
        cuda_launch.compile_launch(cuda_launch.Launch("matmul_naive", (1, 1, 1), 32), GPU)
