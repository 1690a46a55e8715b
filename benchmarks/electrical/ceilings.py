"""ceilings.c, compiled with the course's own clang."""

import ctypes
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from labs import toolchain

SOURCE = Path(__file__).with_name("ceilings.c")
ACCUMULATORS = 12
FLAGS = ("-O2", "-march=native", "-ffp-contract=fast", "-fno-math-errno", "-shared", "-fPIC")


class Ceilings:
    """The functions of ceilings.c for vectors of so many floats."""

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        compiler = toolchain.activate().compiler
        if compiler is None:
            raise SystemExit("no clang: run `python course.py setup`")
        with tempfile.TemporaryDirectory() as folder:
            library = Path(folder) / "ceilings.so"
            subprocess.run(
                [compiler.path, *FLAGS, f"-DLANES={lanes}", str(SOURCE), "-o", str(library)],
                check=True,
            )
            self._library = ctypes.CDLL(str(library))
        self._library.multiply_adds.restype = ctypes.c_float

    def fir64(self, x: np.ndarray, reversed_taps: np.ndarray, y: np.ndarray) -> None:
        pointers = [ctypes.c_void_p(a.ctypes.data) for a in (y, x, reversed_taps)]
        self._library.fir64(*pointers, ctypes.c_long(len(y)))

    def multiply_adds(self, flop: float) -> float:
        """Run about so many operations; how many they were."""
        rounds = max(1, round(flop / (2 * ACCUMULATORS * self.lanes)))
        self._library.multiply_adds(
            ctypes.c_long(rounds), ctypes.c_float(0.999), ctypes.c_float(1e-3)
        )
        return 2.0 * ACCUMULATORS * self.lanes * rounds
