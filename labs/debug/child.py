"""The child's program: `python -m labs.debug.child JOB` runs a bisection and tells as it goes.

Messages go to what was standard output; what a device prints goes to standard error.
"""

import contextlib
import os
import pickle
import sys


def main() -> int:
    """Run the job in the file named on the command line."""
    events = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    with open(sys.argv[1], "rb") as file:
        setup = pickle.load(file)
        _prepare(setup)
        job = pickle.load(file)  # its UOps need tinygrad, which has to be prepared first
    from labs.debug.bisection import run_plan
    from labs.debug.isolation import send, sendable
    from labs.debug.plan import open_device
    from labs.errors import LabError

    plan = job["plan"]
    try:
        open_device(plan.device, f"Bisect an expression on {plan.device}")
        send(events, "ready", None)
        for verdict in run_plan(
            plan,
            job["reference"],
            job["tolerance"],
            job["signed_zero"],
            notify=lambda about: send(events, "about", about),
        ):
            send(events, "verdict", verdict)
    except LabError as error:
        send(events, "error", sendable(error))
        return 1
    send(events, "done", None)
    return 0


def _prepare(setup: dict[str, object]) -> None:
    """Settings of this process, before tinygrad is imported."""
    with contextlib.suppress(ImportError):  # no core file of a crash that is expected (POSIX)
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.environ["PARALLEL"] = "0"  # kernels are compiled one at a time here
    sys.path[:] = setup["paths"]
    from labs import backends, toolchain

    toolchain.activate()
    backends.register()
    device, module = setup["device"], setup["module"]
    if module:
        if backends.registered().get(device, module) != module:
            backends.unregister(device)
        backends.register(device, module, check=False)


if __name__ == "__main__":
    sys.exit(main())
