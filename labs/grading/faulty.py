"""Backends with one fault each, made from a healthy one: material for finding it by the report.

A fault is a few lines that replace a part. Whoever opens the file sees them at its end; the
exercise is to know before.
"""

from labs.errors import ExerciseError
from labs.grading.workbench import Workbench

# what is added to the healthy module; Mine stands for the workbench's name
FAULTS = {
    # views begin on whole floats only
    "A": """
class FaultyAllocator(MineAllocator):
    def _offset(self, block, size, offset):
        return super()._offset(block, size, offset // 4 * 4)


MineAllocator = FaultyAllocator
""",
    # four bytes at a time, and never the rest
    "B": """
class FaultyAllocator(MineAllocator):
    def _copyout(self, target, block):
        whole = len(target) // 4 * 4
        if whole:
            super()._copyout(target[:whole], block)


MineAllocator = FaultyAllocator
""",
    "C": """
FLAGS += ("-ffast-math",)
""",
    # the numbers behind the buffers
    "D": """
class FaultyProgram(MineProgram):
    def __call__(self, *blocks, vals=(), **launch):
        return super().__call__(*blocks, vals=tuple(1 for _ in vals), **launch)


MineProgram = FaultyProgram
""",
}
# what tells these faults apart, in a few seconds
CASES = (
    "open/device",
    "copy/in-out/*",
    "copy/dtype/*",
    "views",
    "launch/range/*",
    "unary/sqrt/*",
    "special/*/float32",
    "reduce/sum/*",
    "symbolic/*",
)


def faulty(letter: str, healthy: Workbench) -> str:
    """Write a broken copy of a backend.

    Args:
        letter: which fault.
        healthy: the backend to break; all its parts have to be written.

    Returns:
        The target for `conformance.run`.

    Raises:
        ExerciseError: there is no such fault.
    """
    if letter not in FAULTS:
        raise ExerciseError(
            f"break the backend {healthy.name}",
            expected=f"one of {', '.join(FAULTS)}",
            got=repr(letter),
        )
    folder = healthy.folder / f"faulty_{letter.lower()}"
    folder.mkdir(exist_ok=True)
    file = folder / f"ops_faulty{letter.lower()}.py"
    added = FAULTS[letter].replace("Mine", healthy.name.capitalize())
    device = f"class Faulty{letter}Device({healthy.name.capitalize()}Device):\n    pass\n"
    # MineDevice looks its parts up by name when it is opened: the last of that name counts
    file.write_text(f"{healthy.source()}\n\n# what is wrong\n{added}\n\n{device}", "utf-8")
    return f"FAULTY{letter}={file}"
