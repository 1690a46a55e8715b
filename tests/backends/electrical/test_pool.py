import ctypes
import os
import threading

import numpy as np
import pytest
from tinygrad import Context, Tensor, TinyJit

from labs.backends.electrical import pool

CORES = 3


def heavy(x: Tensor) -> Tensor:
    return (x.exp() + x.sin()).sum(-1)


def test_more_parts_than_cores_then_all_are_done(tensor):
    values = np.random.default_rng(0).standard_normal((96, 4096)).astype(np.float32)
    with Context(NUM_CPU_THREADS=CORES):
        got = heavy(tensor(values)).numpy()
    wide = values.astype(np.float64)
    np.testing.assert_allclose(got, (np.exp(wide) + np.sin(wide)).sum(-1), rtol=1e-4)


def test_kernels_of_several_python_threads_then_none_gets_anothers_job(tensor):
    rng = np.random.default_rng(1)
    arrays = [rng.standard_normal((64, 8192)).astype(np.float32) for _ in range(3)]
    wrong: list[int] = []

    def work(i: int, step, x) -> None:
        want = arrays[i].astype(np.float64).sum(-1) * 2
        for _ in range(25):
            if not np.allclose(step(x).numpy(), want, rtol=1e-3, atol=1e-2):
                wrong.append(i)

    with Context(NUM_CPU_THREADS=CORES):
        jobs = []
        for i, array in enumerate(arrays):
            step, x = TinyJit(lambda t: (t.sum(-1) * 2).realize()), tensor(array)
            for _ in range(2):
                step(x)
            jobs.append(threading.Thread(target=work, args=(i, step, x)))
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert wrong == []


def test_batch_then_every_kernel_runs_after_the_one_before(device):
    """A counter that only goes up by one at a time if nothing is run out of order."""
    code = "void step(const unsigned long long *a, int core) { long *n = (long *)a[0];"
    code += " if (*n == (long)a[1]) *n += 1; }"
    from tinygrad.device import TinyELF
    from tinygrad.helpers import Target

    binary = device.renderer.compiler.compile(code)
    program = device.runtime(TinyELF(binary, "step", Target("ELECTRICAL"), ()))
    count = 50
    counter = (ctypes.c_long * 1)(0)
    arguments = [(ctypes.c_uint64 * 2)(ctypes.addressof(counter), i) for i in range(count)]
    jobs = (pool.Job * count)(*[pool.Job(program.addr, ctypes.addressof(a), 1) for a in arguments])
    device.pool.run_batch(jobs, count, 1)
    assert counter[0] == count


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_forked_child_when_the_parent_has_workers_then_it_computes(tensor):
    values = np.ones((96, 8192), np.float32)
    x = tensor(values)
    with Context(NUM_CPU_THREADS=CORES):
        assert heavy(x).shape == (96,)
        heavy(x).numpy()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                status = int(not np.allclose((x.exp() * 2).sum(-1).numpy(), np.e * 2 * 8192, 1e-3))
            finally:
                os._exit(status)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
