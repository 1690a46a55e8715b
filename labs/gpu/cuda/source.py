"""The text of a hand-written kernel: its sizes, what all kernels share, and its own file."""

import os
from collections.abc import Mapping
from pathlib import Path

from labs.errors import LabError

# a folder of your own: copy `kernels/`, change a rung, and climb the ladder with it
FOLDER = Path(os.environ.get("LABS_CUDA_KERNELS") or Path(__file__).parent / "kernels")


def kernel_names() -> tuple[str, ...]:
    """The kernels' files, without their ending."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.cu")))


def kernel_text(name: str) -> str:
    """A kernel's own file, as a reader should see it.

    Raises:
        LabError: for an unknown name.
    """
    if name not in kernel_names():
        raise LabError(
            f"read the CUDA kernel '{name}'",
            expected=f"one of {', '.join(kernel_names())}",
            got=repr(name),
            next_step="choose a name from that list",
        )
    return (FOLDER / f"{name}.cu").read_text(encoding="utf-8")


def full_source(name: str, defines: Mapping[str, int], *, wgmma_columns: int = 0) -> str:
    """What NVRTC compiles: `defines` as macros, the shared text, and the kernel.

    Args:
        wgmma_columns: columns of the wgmma instruction that a Hopper kernel uses; 0: none.
    """
    parts = [f"#define {key} {int(value)}\n" for key, value in defines.items()]
    parts.append((FOLDER / "common.cuh").read_text(encoding="utf-8"))
    if wgmma_columns:
        parts.append((FOLDER / "hopper.cuh").read_text(encoding="utf-8"))
        parts.append(wgmma_function(wgmma_columns, bool(defines.get("BFLOAT16"))))
    return "\n".join([*parts, kernel_text(name)])


def wgmma_function(columns: int, bfloat16: bool = False) -> str:
    """A C++ function around one wgmma instruction: 64 x 16 times 16 x `columns`, float32 sums.

    The instruction names all of a thread's sums, `columns` / 2 of them: nobody should write that by
    hand. The last two numbers say that A lies row by row in K, and B row by row in N.
    Source: PTX ISA, "wgmma.mma_async".
    """
    if columns % 8 or not 8 <= columns <= 256:
        raise LabError(
            f"write a wgmma of {columns} columns",
            expected="a multiple of 8 from 8 to 256",
            got=str(columns),
            next_step="choose such a number",
        )
    count, kind = columns // 2, "bf16" if bfloat16 else "f16"
    sums = ", ".join(f"%{i}" for i in range(count))
    operands = ", ".join(f'"+f"(sum[{i}])' for i in range(count))
    return f"""
// sum = (add ? sum : 0) + a @ b, for the 128 threads of a warpgroup together
__device__ __forceinline__ void wgmma(float (&sum)[{count}], u64 a, u64 b, int add) {{
    asm volatile(
        "{{\\n.reg .pred add;\\nsetp.ne.b32 add, %{count + 2}, 0;\\n"
        "wgmma.mma_async.sync.aligned.m64n{columns}k16.f32.{kind}.{kind} "
        "{{{sums}}}, %{count}, %{count + 1}, add, 1, 1, 0, 1;\\n}}"
        : {operands} : "l"(a), "l"(b), "r"(add));
}}
"""
