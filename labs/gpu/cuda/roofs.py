"""Roofs by hand: what the hardware reaches where tinygrad's generated kernels stay below it.

On an H100 a generated copy reaches half the memory bandwidth, and a generated matmul a tenth of the
tensor cores: a bound that another kernel beats is none. These are the same roofs from the kernels
of this room.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from labs.bench.plan import Plan, make_settings
from labs.bench.runner import run_plan
from labs.errors import LabError
from labs.gpu.cuda.launch import capability
from labs.gpu.datasheet import Datasheet
from labs.gpu.roof_data import MATRIX, MEMORY, Roof

_COPY_ELEMENTS = 1 << 26  # 256 MiB: no L2 holds it
_SIDE, _QUICK_SIDE = 8192, 4096
_BEST = (("hopper", (9, 0)), ("mma", (8, 0)))


def hand_written_roofs(
    device: str,
    sheet: Datasheet,
    *,
    quick: bool = False,
    rounds: int = 6,
    round_time_s: float = 0.08,
    progress: Callable[[int, int, str], object] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> tuple[Roof, ...]:
    """The copy, and the float16 product on tensor cores where the GPU has them.

    A kernel that can't be had here becomes a Roof without value, with the reason.
    """
    able = capability(device)
    rung = next((name for name, least in _BEST if able[0] == least[0]), None)
    if rung is None and able >= (8, 0):
        rung = "mma"
    copy = Roof("copy, hand-written", MEMORY, "float32", datasheet=sheet.bytes_per_s)
    matrix = Roof(
        "matmul, hand-written",
        MATRIX,
        "float16",
        datasheet=sheet.matrix_flop_per_s.get("float16"),
    )
    try:
        from labs.gpu.cuda.cases import product_case, product_inputs, stream_case

        rng = np.random.default_rng(0)
        x = rng.standard_normal(_COPY_ELEMENTS, dtype=np.float32)
        cases = [stream_case("copy", _COPY_ELEMENTS, device, (x,))]
        if rung is not None:
            side = _QUICK_SIDE if quick else _SIDE
            cases.append(product_case(rung, product_inputs((side,) * 3, "float16", device, rng)))
    except LabError as error:
        reason = str(error).replace("\n", "; ")
        return replace(copy, reason=reason), replace(matrix, reason=reason)
    results = run_plan(
        Plan(tuple(cases), int(rounds), "warm", "device", 0, make_settings(round_time_s, 0.02)),
        notify=lambda e: progress(e.done, e.total, e.text) if progress else None,
        cancel=cancel,
    )
    found = {m.workload: m for m in results.measurements}
    why = "; ".join(f.error for f in results.failures).replace("\n", " ") or results.stop_reason
    speed = found.get("copy by hand")
    if speed is None:
        copy = replace(copy, reason=why)
    else:
        copy = replace(
            copy,
            value=speed.bytes_per_s,
            interval=speed.bytes_per_s_interval,
            how="16 bytes a thread, 256 MiB read and written",
            measurement=speed,
        )
    speed = found.get(f"matmul by {rung}")
    if rung is None:
        matrix = replace(matrix, reason=f"compute capability {able[0]}.{able[1]}: no kernel for it")
    elif speed is None:
        matrix = replace(matrix, reason=why)
    else:
        matrix = replace(
            matrix,
            value=speed.flop_per_s,
            interval=speed.flop_per_s_interval,
            how=f"the rung '{rung}', {_QUICK_SIDE if quick else _SIDE} squared",
            measurement=speed,
        )
    return copy, matrix
