"""Whether two results were made alike: hosts, versions and settings that differ, in words."""

from collections.abc import Mapping

from labs.bench.results import ResultSet

# what a reader must know when it differs -> how it is called
_FACTS = {
    "hostname": "host",
    "cpu_model_name": "processor",
    "tinygrad_version": "tinygrad",
    "course_version": "course",
    "python_version": "Python",
    "compiler": "compiler",
    "platform": "system",
    "tinygrad_BEAM": "BEAM",
    "tinygrad_NOOPT": "NOOPT",
    "tinygrad_JIT": "JIT",
    "tinygrad_DEV": "DEV",
}
_DEVICE_FACTS = {"renderer_target": "renderer", "driver_version": "driver", "device_name": "GPU"}


def differences(a: ResultSet, b: ResultSet) -> dict[str, tuple[str, str]]:
    """What differs between the circumstances of two results: name -> (first, second).

    A fact that only one of the two recorded is no difference.
    """
    found = _differing(a.environment, b.environment, _FACTS)
    for device in a.devices:
        if device in b.devices:
            ours, theirs = (next(iter(r.select(device=device))).environment for r in (a, b))
            each = _differing(ours, theirs, _DEVICE_FACTS)
            found |= {f"{name} of {device}": values for name, values in each.items()}
    return found


def statement(a: ResultSet, b: ResultSet) -> str:
    """One paragraph for above a comparison; empty when nothing that is known differs."""
    found = differences(a, b)
    if not found:
        return ""
    parts = [f"{name} ({first} / {second})" for name, (first, second) in found.items()]
    text = "The two were made under different circumstances: " + "; ".join(parts) + "."
    if "tinygrad" in found or "course" in found:
        text += " A difference in speed may come from the versions, not from the device."
    if "host" in found or "processor" in found:
        text += " They are of two machines: a ratio says how the machines compare."
    return text


def _differing(
    a: Mapping[str, object], b: Mapping[str, object], facts: Mapping[str, str]
) -> dict[str, tuple[str, str]]:
    both = {k: v for k, v in facts.items() if a.get(k) is not None and b.get(k) is not None}
    return {v: (str(a[k]), str(b[k])) for k, v in both.items() if a[k] != b[k]}
