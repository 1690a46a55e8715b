"""A backend written part by part in notebook cells, and what the conformance suite says after each.

tinygrad's compile workers import a backend by name, so its classes can't live in cells. Here each
cell writes one part to a file of its own (`%%writefile "{mine.allocator}"`), and the parts that are
there are put together, in tinygrad's order, into one module. A part that is not written yet comes
from the template, whose methods say what they would have to do.

Everything lies in the course's state folder: nothing is left beside the notebook, and each step is
put together anew, so that its cell can be run again at any time.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from labs import toolchain
from labs.paths import state_dir

toolchain.activate()

from labs import backends
from labs.backends import conformance
from labs.backends.framework import from_template
from labs.backends.validation import check_name
from labs.errors import DeviceError
from labs.tables import Table, TableView

# in tinygrad's order within a file
PARTS = ("compiler", "renderer", "program", "allocator", "device")
BANNER = re.compile(r"^# \*{16} (\w+)", re.M)  # as the template writes them
# a sample of each stage of the suite: some 90 cases in a few seconds
SAMPLE = (
    "open",
    "allocator/size/*",
    "allocator/alignment/*",
    "allocator/apart/*",
    "copy/dtype/*",
    "copy/in-order",
    "views",
    "compiler/source",
    "compiler/binary",
    "compiler/refuses*",
    "compiler/cache-key",
    "launch/first",
    "launch/two-inputs-in-order",
    "launch/range/*",
    "unary/sqrt/*",
    "unary/trunc/*",
    "special/isnan/*",
    "matmul/*/float32",
)


class Workbench(TableView):
    """One backend in parts.

    Args:
        name: of the device.
        like: another workbench; parts that are not written here are taken from there.

    Attributes:
        compiler, renderer, program, allocator, device: the files of the parts.
        file: the module that `use` puts together.
    """

    def __init__(self, name: str, like: "Workbench | None" = None) -> None:
        self.name, self.like = check_name(name), like
        self.folder = state_dir() / "backends" / self.name.lower()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._reports: dict[str, conformance.Report] = {}

    @property
    def compiler(self) -> Path:
        return self._part("compiler")

    @property
    def renderer(self) -> Path:
        return self._part("renderer")

    @property
    def program(self) -> Path:
        return self._part("program")

    @property
    def allocator(self) -> Path:
        return self._part("allocator")

    @property
    def device(self) -> Path:
        return self._part("device")

    @property
    def file(self) -> Path:
        return self.folder / f"ops_{self.name.lower()}.py"

    def source(self, written: Sequence[str] = PARTS) -> str:
        """The text of the whole module.

        Args:
            written: the parts to take from their files; the others are the template's. The device
                is left out until it is written: without it there is nothing to register.
        """
        template = _sections(from_template(self.name))
        texts = [template[""]]
        for part in PARTS:
            text = self._written(part) if part in written else None
            if text is None and part != "device":
                text = template[part]
            texts.append(text or "")
        return "\n\n".join(t.strip() for t in texts if t.strip()) + "\n"

    def after(self, *written: str, cases: Sequence[str] = SAMPLE) -> conformance.Report:
        """What the suite says when only these parts are written, in a process of its own.

        Args:
            written: names of parts, such as "device", "allocator"; none: nothing at all.
            cases: groups of the suite, or patterns of case names.

        Raises:
            DeviceError: a name that is no part.
        """
        for part in written:
            if part not in PARTS:
                raise DeviceError(
                    f"Put the backend {self.name} together",
                    expected=f"parts out of {', '.join(PARTS)}",
                    got=repr(part),
                )
        key = written[-1] if written else "nothing"
        file = self.folder / f"after_{key}" / self.file.name
        file.parent.mkdir(exist_ok=True)
        file.write_text(self.source(written), "utf-8")
        report = conformance.run(f"{self.name}={file}", groups=list(cases))
        self._reports.pop(key, None)  # in the order in which they were made
        self._reports[key] = report
        return report

    def use(self) -> str:
        """Put together all parts that are written, and make it a device of this process.

        Returns:
            The device's name, for `device=`.
        """
        text = self.source()
        changed = not self.file.exists() or self.file.read_text("utf-8") != text
        if changed:
            self.file.write_text(text, "utf-8")
        known = backends.registered().get(self.name)
        if known is None:
            backends.register(self.name, self.file)
        elif changed:
            backends.reload_backend(self.name)
        return self.name

    def table(self) -> Table:
        """How far it was after each step."""
        rows = tuple(
            (
                f"+ {part}" if part != "nothing" else part,
                f"{r.passed} of {r.passed + r.failed}",
                r.next_step.partition(":")[0] or "nothing",
            )
            for part, r in self._reports.items()
        )
        columns = ("written so far", "cases passed", "first group that fails")
        return Table(f"How {self.name} grew", columns, rows)

    def _part(self, part: str) -> Path:
        return self.folder / f"{part}.py"

    def _written(self, part: str) -> str | None:
        if self._part(part).exists():
            return self._part(part).read_text("utf-8")
        if self.like is None:
            return None
        text = self.like._written(part)
        return None if text is None else _renamed(text, self.like.name, self.name)


def _sections(text: str) -> dict[str, str]:
    """The template cut at its banners; what stands before the first has the name ""."""
    cuts = [(m.start(), m[1].lower()) for m in BANNER.finditer(text)]
    found = {"": text[: cuts[0][0]]}
    ends = [start for start, _ in cuts[1:]] + [len(text)]
    return found | {name: text[a:b] for (a, name), b in zip(cuts, ends, strict=True)}


def _renamed(text: str, old: str, new: str) -> str:
    words = {f(old): f(new) for f in (str.upper, str.capitalize, str.lower)}
    pattern = "|".join(rf"(?<![a-z]){word}" for word in words)
    return re.sub(pattern, lambda m: words[m[0]], text)
