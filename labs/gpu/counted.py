"""The process whose launches a profiler counts: `python -m labs.gpu.counted FILE`.

FILE is a pickled lazy tensor with its inputs. It is compiled and run until everything is loaded;
then the profiler is told to start, it runs once more, and the profiler is told to stop. So what a
profiler counts is the computation, and neither imports nor compilation.
"""

import argparse
import ctypes
import json
import pickle
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from labs import backends, toolchain
from labs.toolchain.files import WINDOWS, find_library

toolchain.activate()
backends.register()

from tinygrad import Device
from tinygrad.engine.realize import compile_linear, run_linear
from tinygrad.uop.ops import Ops

_WARMUPS = 2


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m labs.gpu.counted", description=__doc__)
    parser.add_argument("file", type=Path, help="a pickled lazy tensor")
    parser.add_argument("--runs", type=int, default=1, help="runs between start and stop")
    parser.add_argument("--fifo", type=Path, help="perf's control fifo; FIFO.ack answers")
    asked = parser.parse_args(arguments)
    tensor = pickle.loads(asked.file.read_bytes())
    device = Device[tensor.device]
    linear, values = tensor.linear_with_vars()
    linear = compile_linear(linear)

    def run(times: int) -> None:
        for _ in range(times):
            run_linear(linear, values, jit=True, update_stats=False)
        device.synchronize()

    run(_WARMUPS)
    with _counting(tensor.device, asked.fifo):
        run(asked.runs)
    kernels = [
        call.src[0].arg.function_name for call in linear.src if call.src[0].op is Ops.PROGRAM
    ]
    print(json.dumps({"device": tensor.device, "kernels": kernels, "runs": asked.runs}))
    return 0


@contextmanager
def _counting(device: str, fifo: Path | None) -> Iterator[None]:
    """Nsight Compute listens to the CUDA driver's profiler calls, perf to a fifo."""
    start, stop = (lambda: None), (lambda: None)
    if device.split(":")[0] == "CUDA":
        start, stop = _cuda_profiler()
    elif fifo is not None:
        start, stop = (_perf_command(fifo, word) for word in ("enable", "disable"))
    start()
    try:
        yield
    finally:
        stop()


def _cuda_profiler() -> tuple[Callable[[], None], Callable[[], None]]:
    """cuProfilerStart and cuProfilerStop, which tinygrad doesn't bind."""
    driver = ctypes.CDLL(str(find_library("nvcuda" if WINDOWS else "cuda")))

    def call(name: str) -> Callable[[], None]:
        def run() -> None:
            if status := getattr(driver, name)():
                raise RuntimeError(f"{name} answered {status}")

        return run

    return call("cuProfilerStart"), call("cuProfilerStop")


def _perf_command(fifo: Path, word: str) -> Callable[[], None]:
    def send() -> None:
        with fifo.open("w") as control:
            control.write(word + "\n")
        with Path(f"{fifo}.ack").open() as answer:  # perf has begun, or ended, when it answers
            answer.readline()

    return send


if __name__ == "__main__":
    sys.exit(main())
