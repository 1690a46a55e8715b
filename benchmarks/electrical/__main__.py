"""The capstone's goals in one command: measurements, streaming and readers beside what users have.

    python benchmarks/electrical                    # everything, on a quiet machine
    python benchmarks/electrical stream --quick     # one part, a look with wide intervals
    python benchmarks/electrical --save             # writes benchmarks/results/capstone_<cpu>.json

Each answer is checked before anything is timed; both sides of a ratio are timed in interleaved
rounds of one run, at equal sizes, with one thread each. Each part runs in a process of its own: the
pool of one must not share the cores with the next.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from datetime import date
from importlib import import_module
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # numpy reads it when it is loaded

HERE = Path(__file__).parent
PARTS = tuple(
    name for name in ("signals", "power", "stream", "records") if (HERE / f"{name}.py").exists()
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", help=f"all, or some of {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--save", action="store_true", help="write the results file")
    parser.add_argument("--rows", help=argparse.SUPPRESS)  # one part's rows, for the parent
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"unknown {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    if options.rows:
        print(json.dumps(_part(options.rows, options.quick)))
        return 0
    found, failed = {}, []
    for name in options.parts or PARTS:
        rows = _in_a_process(name, options.quick)
        if rows is None:
            failed.append(name)
            continue
        found[name] = rows
        print(_table(name, rows), flush=True)
    if options.save and found:
        print(f"Saved in {_save(found).name}", file=sys.stderr)
    if failed:
        print(f"Failed: {', '.join(failed)}; the messages are above", file=sys.stderr)
    return 1 if failed else 0


def _part(name: str, quick: bool) -> list[dict]:
    sys.path.insert(0, str(HERE.parent.parent))
    return import_module(f"benchmarks.electrical.{name}").run(quick)


def _in_a_process(name: str, quick: bool) -> list[dict] | None:
    command = [sys.executable, str(HERE), "--rows", name, *(["--quick"] if quick else [])]
    child = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if child.returncode:
        return None
    return json.loads(child.stdout.strip().splitlines()[-1])


def _table(name: str, rows: list[dict]) -> str:
    from labs.tables import Table
    from labs.units import format_interval, format_ratio

    def ratio(row: dict) -> str:
        if row.get("ratio") is None:
            return "-"
        text = format_ratio(row["ratio"])
        if row.get("low") is None:
            return text
        return f"{text} {format_interval(row['low'], row['high'], format_ratio)}"

    lines = [
        (
            str(row["item"]),
            ratio(row),
            "-" if row.get("gate") is None else f"{row['gate']:g}x",
            "-" if row.get("stretch") is None else f"{row['stretch']:g}x",
            str(row.get("note") or ""),
        )
        for row in rows
    ]
    return str(Table(name, ("item", "ratio", "gate", "stretch", "note"), tuple(lines)))


def _save(found: dict[str, list[dict]]) -> Path:
    from labs.bench.environment import cpu_pressure, host_environment

    facts = host_environment() | {"cpu_pressure_some_avg10": cpu_pressure()}
    # what a reader of the table must know of the machine, and nothing that names it
    keep = ("platform", "cpu_model_name", "cpu_count", "python_version", "tinygrad_version")
    environment = {k: facts[k] for k in (*keep, "cpu_pressure_some_avg10") if k in facts}
    cpu = str(environment.get("cpu_model_name", "cpu")).lower()
    slug = "_".join(re.sub(r"[^a-z0-9]+", "_", cpu).split("_")[:2])
    path = HERE.parent / "results" / f"capstone_{slug}.json"
    command = " ".join(["python benchmarks/electrical", *sys.argv[1:]])
    document = {"command": command, "date": date.today().isoformat(), "environment": environment}
    old = json.loads(path.read_text()) if path.exists() else {}
    document["parts"] = old.get("parts", {}) | found
    path.write_text(json.dumps(document, indent=1) + "\n")
    return path


if __name__ == "__main__":
    sys.exit(main())
