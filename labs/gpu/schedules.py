"""Saved schedules: which options a kernel is compiled with, on which device, and what they gained.

    with Schedules.load().apply():
        model(x).realize()

The file is JSON in the course's own folder. An entry holds for one kernel (a hash of its AST), one
device with its renderer and architecture, one version of tinygrad and one compiler: what was
fastest for another of them says nothing here, so it is kept in the file and not used.
"""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields
from importlib import metadata
from pathlib import Path

from labs import toolchain
from labs.errors import ResultError
from labs.gpu.fixed import chosen_by, fits
from labs.gpu.kernels import OptionError
from labs.gpu.notation import parse_options
from labs.lowering.scheduling import family
from labs.paths import state_dir
from labs.tables import Table, TableView
from labs.units import format_interval, format_ratio, format_seconds

toolchain.activate()

from tinygrad import Device
from tinygrad.codegen.opt import Opt
from tinygrad.uop.ops import UOp

FORMAT, VERSION = "tinygrad schedules of the course", 1


@dataclass(frozen=True)
class Place:
    """What a schedule holds for.

    Args:
        arch: as the renderer has it; compiler: who compiles, with its version and, for this
            machine's own processor, what processor that is.
    """

    device: str
    renderer: str
    arch: str
    tinygrad: str
    compiler: str


@dataclass(frozen=True)
class Schedule:
    """The options of one kernel.

    Args:
        kernel: `labs.gpu.kernels.kernel_key`; name: the function's name with the heuristic.
        opts: as text ("UPCAST 0 4").
        workload: in which it was measured; before_s, after_s: that kernel alone, by the device's
            clock, best of several launches.
        gain, interval: of the whole workload over the heuristic, wall clock or model.
        verification: against what the workload's answer was checked.
        modelled: times come from a model.
    """

    kernel: str
    name: str
    place: Place
    opts: tuple[str, ...]
    workload: str
    before_s: float
    after_s: float
    gain: float
    interval: tuple[float, float] | None
    verification: str
    date: str
    modelled: bool = False


@dataclass(frozen=True, repr=False)
class Schedules(TableView):
    """Schedules and the file they belong to."""

    items: tuple[Schedule, ...] = ()
    path: Path = field(default_factory=lambda: default_path())

    def __iter__(self) -> Iterator[Schedule]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    @classmethod
    def load(cls, path: str | Path | None = None) -> "Schedules":
        """Read a file; none there yet is no error.

        Args:
            path: `default_path()` when None.

        Raises:
            ResultError: it can't be read, or isn't a file of schedules. It is left as it is.
        """
        file = Path(path) if path is not None else default_path()
        if not file.exists():
            return cls((), file)
        return cls(_read(file), file)

    def find(self, kernel: str, place: Place) -> Schedule | None:
        """The schedule of a kernel at a place; the last one saved when there are several."""
        return next(
            (s for s in reversed(self.items) if s.kernel == kernel and s.place == place), None
        )

    def choice(self, device: str) -> dict[str, tuple[Opt, ...]]:
        """The options of all kernels that have a schedule for this device as it is here."""
        here = place_of(device)
        return {s.kernel: parse_options(s.opts) for s in self.items if s.place == here}

    def updated(self, *new: Schedule) -> "Schedules":
        """With these, in the place of earlier ones for the same kernel and place."""
        keys = {(s.kernel, s.place) for s in new}
        kept = tuple(s for s in self.items if (s.kernel, s.place) not in keys)
        return Schedules((*kept, *new), self.path)

    def save(self) -> Path:
        """Write the file at once or not at all.

        Raises:
            ResultError: it can't be written.
        """
        data = {
            "format": FORMAT,
            "version": VERSION,
            "schedules": [asdict(s) for s in self.items],
        }
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            _replace(self.path, json.dumps(data, indent=1) + "\n")
        except OSError as error:
            raise ResultError(
                f"save schedules in '{self.path}'",
                expected="a file that can be written",
                got=f"{type(error).__name__}: {error}",
                next_step="pass another path, or set COURSE_HOME to a folder of yours",
            ) from error
        return self.path

    @contextmanager
    def apply(self) -> Iterator[None]:
        """Inside, kernels that have a schedule here are compiled with it, by realize and TinyJit.

        Options that don't fit any more (fewer threads are set, say) are left out, and the heuristic
        chooses.
        """
        places: dict[str, Place] = {}
        known: dict[tuple[str, str], tuple[Opt, ...] | None] = {}

        def choose(key: str, ast: UOp, device: str) -> tuple[Opt, ...] | None:
            if (key, device) not in known:
                if device not in places:
                    places[device] = place_of(device)
                found = self.find(key, places[device])
                opts = parse_options(found.opts) if found else None
                known[key, device] = opts if opts is None or fits(ast, opts, device) else None
            return known[key, device]

        with chosen_by(choose):
            yield

    def table(self) -> Table:
        rows = tuple(
            (
                s.name,
                s.place.device,
                "\n".join(s.opts) or "none",
                s.workload,
                format_seconds(s.before_s) + (" (model)" if s.modelled else ""),
                format_seconds(s.after_s) + (" (model)" if s.modelled else ""),
                format_ratio(s.gain),
                format_interval(*(s.interval or (None, None)), format_ratio),
                s.date[:10],
            )
            for s in self.items
        )
        columns = ("kernel", "device", "options", "measured in", "heuristic", "saved")
        columns += ("workload's gain", "95% interval", "date")
        note = f"{self.path.name}; a schedule holds for its device, compiler and tinygrad only."
        return Table("Saved schedules", columns, rows, note)


def default_path() -> Path:
    """Where schedules are kept: in the course's own folder (COURSE_HOME)."""
    return state_dir() / "schedules.json"


def place_of(device: str) -> Place:
    """What a schedule measured now on this device would hold for."""
    renderer = Device[device].renderer
    return Place(
        device=family(device),
        renderer=type(renderer).__name__,
        arch=renderer.target.arch,
        tinygrad=metadata.version("tinygrad"),
        compiler=_compiler(renderer),
    )


def _compiler(renderer) -> str:
    kind, key = type(renderer.compiler).__name__, renderer.compiler.cachekey or ""
    found = toolchain.activate().compiler
    # code for this very processor: the identity of the compiler names both
    native = "native" in renderer.target.arch and found is not None
    return " ".join(part for part in (kind, key, found.identity if native else "") if part)


def _read(file: Path) -> tuple[Schedule, ...]:
    def refuse(got: str) -> ResultError:
        return ResultError(
            f"read schedules from '{file}'",
            expected=f"JSON with format '{FORMAT}', version {VERSION}",
            got=got,
            next_step="move the file away to start a new one; it was left as it was",
        )

    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise refuse(f"{type(error).__name__}: {error}") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise refuse("another kind of file")
    if data.get("version") != VERSION:
        raise refuse(f"version {data.get('version')!r}")
    try:
        return tuple(_schedule(entry) for entry in data["schedules"])
    except (KeyError, TypeError, ValueError, OptionError) as error:
        raise refuse(f"an entry that is none ({type(error).__name__}: {error})") from error


def _schedule(entry: dict) -> Schedule:
    known = {f.name for f in fields(Schedule)}
    values = {k: v for k, v in entry.items() if k in known}
    values["place"] = Place(**entry["place"])
    values["opts"] = tuple(entry["opts"])
    parse_options(values["opts"])  # text of somebody else's is found out here
    values["interval"] = tuple(entry["interval"]) if entry.get("interval") else None
    for name in ("before_s", "after_s", "gain"):
        values[name] = float(values[name])
    return Schedule(**values)


def _replace(path: Path, text: str) -> None:
    """A reader sees the old file or the new one, and a crash leaves the old one."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
