"""The child's program: opens one device, computes on it, and writes what it found to a file.

    python -m labs.devices.probe CL result.json

It runs in a process of its own, because a driver may crash, hang or print garbage, so the answer
goes to a file and not to standard output. Not imported by anything.
"""

import contextlib
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from labs.errors import LabError

# the only ways to these GPUs that don't take them away from the system's driver
SAFE_INTERFACE = {"AMD": "KFD", "NV": "NVK"}


def main(device: str, result: str) -> int:
    """Probe `device` and write the answer to the file `result`, as one line of JSON."""
    _prepare(device)
    answer: dict[str, Any]
    try:
        answer = {"usable": True, "reason": "", "capabilities": probe(device)}
    except Exception as error:  # whatever a driver raises is the answer
        answer = {"usable": False, "reason": explain(error), "capabilities": None}
    with open(result + ".part", "w", encoding="utf-8") as file:
        file.write(json.dumps({"device": device, **answer}) + "\n")
    os.replace(result + ".part", result)
    return 0


def probe(device: str) -> dict[str, Any]:
    """Open the device, compute with it, ask it; raises when it can't compute."""
    from tinygrad import Device

    from labs import backends
    from labs.devices import facts

    own = device in backends.registered()  # of those it can be said in which line they fail
    opened = backends.open_backend(device) if own else Device[device]
    check_matmul(device)
    found: dict[str, Any] = {"reasons": {}}
    facts.describe_renderers(opened, found, check_matmul)
    facts.describe_hardware(opened, found)
    for field, dtype in (("supports_fp16", "float16"), ("supports_int8", "int8")):
        found[field] = _field(found, field, lambda d=dtype: _computes(opened, d))
    return found


def check_matmul(device: str) -> None:
    """A product and a sum of small whole numbers in float32 must be exact.

    A matmul, as there are compilers that handle an element-wise kernel and fail on this one
    (LLVM 14). On PYTHON 4x4 takes milliseconds.
    """
    import numpy as np
    from tinygrad import Tensor

    a = np.arange(16, dtype=np.float32).reshape(4, 4)
    b = a[::-1].copy()
    got = (Tensor(a, device=device) @ Tensor(b, device=device) + 1).numpy()
    if not np.array_equal(got, a @ b + 1):
        raise ArithmeticError(f"a 4x4 matmul is wrong: got {got.tolist()}")


def _computes(opened: Any, dtype: str) -> bool:
    """Whether the device computes natively in `dtype`; raises with the reason when it doesn't."""
    import numpy as np
    from tinygrad import Tensor, dtypes

    kind = {"float16": dtypes.half, "int8": dtypes.char}[dtype]
    if kind not in opened.renderer.supported_dtypes():
        raise Unsupported(f"not native in {type(opened.renderer).__name__}: tinygrad emulates it")
    a = np.arange(-8, 8).astype(dtype)  # int8 wraps around in the product below, by intention
    b = (np.arange(16) * 7).astype(dtype)
    tensors = Tensor(a, device=opened.device), Tensor(b, device=opened.device)
    got = (tensors[0] * tensors[1] + tensors[0]).numpy()
    if not np.array_equal(got, a * b + a):
        raise Unsupported(f"computes wrongly: got {got.tolist()}, want {(a * b + a).tolist()}")
    return True


class Unsupported(Exception):
    """The device has been asked, and the answer is no."""


def _field(found: dict[str, Any], name: str, get: Callable[[], Any]) -> Any:
    try:
        return get()
    except Unsupported as error:
        found["reasons"][name] = str(error)
        return False
    except Exception as error:
        found["reasons"][name] = f"could not be tried: {explain(error)}"
        return None


def explain(error: BaseException) -> str:
    """An exception, and what a group of them holds, in one line."""
    if isinstance(error, LabError):
        return error.got or str(error).splitlines()[0]
    if isinstance(error, BaseExceptionGroup):
        parts = dict.fromkeys(explain(e) for e in error.exceptions)  # without repetitions
        return "; ".join(parts)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else ""
    # the class says nothing in "RuntimeError: no usable device", and everything in "StopIteration"
    return text if text and type(error) in (RuntimeError, OSError) else _named(error, text)


def _named(error: BaseException, text: str) -> str:
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _prepare(device: str) -> None:
    """Settings of this process, before tinygrad is imported."""
    with contextlib.suppress(ImportError):  # no core file of a crashed driver (POSIX)
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.environ["PARALLEL"] = "0"  # a pool of compile workers costs more than three kernels
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy starts faster, and checks 16 numbers
    os.environ["DEV"] = _target(device, os.environ.get("DEV", ""))
    from labs import backends, toolchain

    toolchain.activate()
    backends.register()


def _target(device: str, current: str) -> str:
    """DEV for this process: the user's renderer and interface for the device, if any, kept.

    Except the interface PCI, even when the user chose it: opening it would be no mere question.
    """
    wanted = device
    for part in current.split(";"):
        if part.split("+")[-1].split(":")[0].upper() == device:
            wanted = part
            break
    interface, _, target = wanted.rpartition("+")
    if device in SAFE_INTERFACE and interface.split(":")[0].upper() in ("", "PCI"):
        interface = SAFE_INTERFACE[device]
    return f"{interface}+{target}" if interface else target


if __name__ == "__main__":
    code = main(sys.argv[1], sys.argv[2])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # the answer is written: a driver that hangs while unloading changes nothing
