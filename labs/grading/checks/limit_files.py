"""Judging a limit file by what it does: records that it must pass, and records that it must fail.

The contract of exercise 5.7, for channels u1, u2, u3 of a 120 V supply at 60 Hz:
every cycle of each phase 114 V to 126 V; 59.9 Hz to 60.1 Hz; THDS of each phase at most 5%;
unbalance at most 1%.
"""

from collections.abc import Iterator

import numpy as np

from labs.grading.judges import Wrong

_SUPPLY = {"fs_hz": 12_800.0, "nominal_hz": 60.0, "nominal_v": 120.0, "duration_s": 0.8}
_MOST_CHARACTERS = 20_000
_GOOD = ("PASS", "MARGINAL")


def judge_limit_file(text: str, seed: int) -> None:
    """Run the file on fresh records.

    Raises:
        Wrong: it can't be read, accuses a record that keeps the contract, or passes one that
            doesn't; says which, and what was found.
    """
    from labs.electrical.limits import parse_limits
    from labs.electrical.production import ProductionElectricalBackend
    from labs.electrical.sources import supply
    from labs.electrical.validate import DEVICE, usable_device
    from labs.errors import LabError

    if len(text) > _MOST_CHARACTERS:
        raise Wrong(f"a limit file of {len(text):,} characters: a contract is shorter")
    backend, plan = ProductionElectricalBackend(usable_device(DEVICE)), None
    try:
        specification = parse_limits(text)
        for words, keeps, settings in records(np.random.default_rng(seed)):
            source = supply(**settings)
            if plan is None:
                plan = backend.optimize_for_real_time_validation(
                    specification, source=source, allow_overload=True
                )
            run = backend.implement_streaming_processing(
                source, plan=plan, realtime=False, control=False
            )
            with run:
                verdict = run.join()
            _compare(words, keeps, verdict)
    except LabError as error:
        raise Wrong(str(error)) from None


def records(rng: np.random.Generator) -> Iterator[tuple[str, bool, dict]]:
    """(what it is, whether it keeps the contract, settings of a Supply): the good ones first."""
    from labs.electrical.sources import Distortion, DropOut, Level

    def of(**settings: object) -> dict:
        return _SUPPLY | {"seed": int(rng.integers(1000))} | settings

    phases = [int(p) for p in rng.permutation(3)]  # a file that looks at one phase only is caught
    start = float(np.round(rng.uniform(0.2, 0.4), 3))
    volts = float(np.round(rng.uniform(114.6, 115.4), 1))
    yield "a supply without a fault", True, of(noise=0.05)
    yield (
        f"{volts} V at 59.93 Hz with a THDS of 4.7%",
        True,
        of(nominal_v=volts, frequency_hz=59.93, harmonics={5: (4.0, 20.0), 7: (2.5, 70.0)}),
    )
    yield (
        "125.4 V with an unbalance of 0.7%",
        True,
        of(nominal_v=125.4, unbalance=(1.0, 0.98, 1.0), frequency_hz=60.07),
    )
    dip = Level(start, 3 / 60, (phases[0],), factor=0.91)
    yield f"109 V for 3 cycles, on u{phases[0] + 1} only", False, of(faults=(dip,))
    swell = Level(start, 2 / 60, (phases[1],), factor=1.08)
    yield f"130 V for 2 cycles, on u{phases[1] + 1} only", False, of(faults=(swell,))
    yield "59.8 Hz", False, of(frequency_hz=59.8)
    yield "60.2 Hz", False, of(frequency_hz=60.2)
    order = int(rng.choice([3, 5, 11, 23]))
    distortion = Distortion(0.0, 0.8, (phases[2],), order=order, percent=5.6)
    yield f"5.6% of harmonic {order}, on u{phases[2] + 1} only", False, of(faults=(distortion,))
    yield "an unbalance of 1.4%", False, of(nominal_v=121.0, unbalance=(1.0, 1.0, 0.959))
    yield "30 ms that were lost", False, of(faults=(DropOut(start, 0.03),))


def _compare(words: str, keeps: bool, verdict) -> None:
    if keeps and verdict.status not in _GOOD:
        worst = next(r for r in verdict.rows if r.status not in _GOOD)
        found = worst.reason if worst.value is None or worst.value != worst.value else worst.value
        raise Wrong(
            f"{words}: that keeps the contract, and your file says {verdict.status}: "
            f"'{worst.name}', {worst.quantity} of {worst.channel}: {found}"
        )
    if not keeps and verdict.status in _GOOD:
        raise Wrong(f"{words}: that breaks the contract, and your file says {verdict.status}")
