"""The GPU's figures in one command: streaming kernels, the matmul ladders, and what explains them.

    python benchmarks/gpu                   # on a CUDA machine, beside PyTorch where it is there
    python benchmarks/gpu streams --quick   # one section, a look with wide intervals
    python benchmarks/gpu --save            # writes benchmarks/results/gpu_<device>.{json,md}, too
    python benchmarks/gpu roofs --save      # renews one section of these files

Every answer is checked against numpy before anything is timed; all ways to do one piece of work are
timed in interleaved rounds of one run, between CUDA events. PyTorch is optional, no dependency of
the course.
"""

import argparse
import re
import sys
import time
import traceback
from dataclasses import replace
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from labs import toolchain

toolchain.activate()

import pytorch
from sections import DEVICE, SECTIONS, Settings

from labs import bench
from labs.bench.environment import device_environment, host_environment
from labs.errors import LabError
from labs.gpu.cuda.launch import capability
from labs.gpu.recorded import (
    FOLDER,
    Recorded,
    Row,
    load_recorded,
    rows_table,
    save_recorded,
)

# what a reader of the table must know of the machine, and nothing that names it
ENVIRONMENT = (
    *("platform", "cpu_model_name", "cpu_count", "virtual_machine", "python_version"),
    *("tinygrad_version", "device_name", "driver_version", "power_cap_w", "renderer_target"),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*", help=f"all, or some of {', '.join(SECTIONS)}")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--beam", type=int, default=0, help="also a BEAM search of this width")
    parser.add_argument("--save", action="store_true", help="write the results file")
    options = parser.parse_args()
    unknown = set(options.sections) - set(SECTIONS)
    if unknown:
        parser.error(f"unknown {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    try:
        capability(DEVICE)
    except LabError as error:
        print(error, file=sys.stderr)
        return 2
    settings = Settings(
        rounds=3 if options.quick else 10,
        round_time_s=0.05 if options.quick else 0.1,
        beam=options.beam,
        progress=bench.progress_bar(),
    )
    begun, found = time.monotonic(), {}
    for name in options.sections or SECTIONS:
        start = time.monotonic()
        try:
            found[name] = tuple(SECTIONS[name](settings))
        except Exception as error:  # one section's failure leaves the others their results
            traceback.print_exc()
            found[name] = (Row(name, "-", failure=f"{type(error).__name__}: {error}"),)
        title = f"{name} ({time.monotonic() - start:.0f} s)"
        print(rows_table(found[name], title), flush=True)
    print(f"all in {time.monotonic() - begun:.0f} s")
    if options.save:
        everything = host_environment() | device_environment(DEVICE) | pytorch.versions()
        keep = (*ENVIRONMENT, "pytorch", "cuda_of_pytorch")
        environment = {k: everything[k] for k in keep if k in everything}
        command = "python benchmarks/gpu" + "".join(f" {s}" for s in sys.argv[1:])
        device = str(everything.get("device_name", DEVICE))
        recorded = Recorded(device, command, date.today().isoformat(), environment, found)
        slug = re.sub(r"[^a-z0-9]+", "_", device.lower()).strip("_")
        path = FOLDER / f"gpu_{slug}.json"
        if options.sections and path.exists():
            recorded = _renewed(load_recorded(str(path)), recorded)
        save_recorded(recorded, path)
        path.with_suffix(".md").write_text(_markdown(recorded), encoding="utf-8")
        print(f"written: {path.name} and {path.with_suffix('.md').name}")
    return 0


def _renewed(before: Recorded, now: Recorded) -> Recorded:
    """The file as it was, with the sections that were measured anew."""
    command = f"{before.command}; {now.command} ({now.date})"
    return replace(before, command=command, sections={**before.sections, **now.sections})


def _markdown(recorded: Recorded) -> str:
    lines = [f"# {recorded.device}, {recorded.date}", "", f"`{recorded.command}`", ""]
    lines += [f"* {key}: {value}" for key, value in recorded.environment.items()]
    for name, rows in recorded.sections.items():
        lines += ["", f"## {name}", "", rows_table(rows, "").markdown()]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
