"""What a device can do, as probed on the device: the record that the child process sends back."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any

from labs.tables import Table, TableView
from labs.units import format_bytes


@dataclass(frozen=True, repr=False)
class DeviceCapabilities(TableView):
    """What was found by asking the driver and by computing on the device.

    A field that couldn't be found is None, and `reasons` says why.

    Args:
        device_name: the hardware, as its driver names it.
        backend_type: the programming interface that tinygrad drives it through.
        supports_gpu: the hardware is a GPU.
        supports_compilation: kernels become machine code (tinygrad's PYTHON interprets them).
        memory_type: whose memory the buffers live in.
        max_memory: bytes that buffers may take altogether.
        compute_units: processors (CPU), compute units (OpenCL), multiprocessors (NVIDIA).
        supports_fp16, supports_int8: native in the renderer, computed on the device, equal to
            numpy. Where tinygrad emulates the type it is False, and `reasons` says so.
        kernel_languages: what kernels can be written in here, the one in use first.
        optimization_features: what tinygrad's optimiser may use here.
        reasons: field name -> why it is None or False.
        renderers: name -> "" when it works, else why not; the one in use first.
        dtypes: names of the data types that the renderer in use has natively.
        arch: the architecture string that kernels are rendered for.
        driver: the driver's name and version.
        last_level_cache_bytes: the largest cache that the device's memory traffic goes through.
        largest_buffer_bytes: the longest single buffer.
        local_memory_bytes: memory shared by one work-group.
    """

    device_name: str | None = None
    backend_type: str | None = None
    supports_gpu: bool | None = None
    supports_compilation: bool | None = None
    memory_type: str | None = None
    max_memory: int | None = None
    compute_units: int | None = None
    supports_fp16: bool | None = None
    supports_int8: bool | None = None
    kernel_languages: tuple[str, ...] | None = None
    optimization_features: tuple[str, ...] | None = None
    reasons: Mapping[str, str] = field(default_factory=dict)
    renderers: Mapping[str, str] = field(default_factory=dict)
    dtypes: tuple[str, ...] | None = None
    arch: str | None = None
    driver: str | None = None
    last_level_cache_bytes: int | None = None
    largest_buffer_bytes: int | None = None
    local_memory_bytes: int | None = None

    def __post_init__(self) -> None:
        for name in ("kernel_languages", "optimization_features", "dtypes"):
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else tuple(value))
        for name in ("reasons", "renderers"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))
        # a None without its reason would be a hole: say at least that nobody asked
        missing = {
            f.name: "the driver offers no way to ask"
            for f in fields(self)
            if getattr(self, f.name) is None and f.name not in self.reasons
        }
        if missing:
            object.__setattr__(self, "reasons", MappingProxyType({**self.reasons, **missing}))

    def __reduce__(self):  # a mapping proxy doesn't pickle
        return _rebuild, (self.to_dict(),)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        for name in ("reasons", "renderers"):
            plain[name] = dict(plain[name])
        for name in ("kernel_languages", "optimization_features", "dtypes"):
            plain[name] = None if plain[name] is None else list(plain[name])
        return plain

    def table(self) -> Table:
        """One row per field; what is missing shows its reason."""
        rows = []
        for name, value in self.to_dict().items():
            if name in ("reasons", "renderers"):
                continue
            if value is not None and (name.endswith("_bytes") or name == "max_memory"):
                value = format_bytes(value)
            elif isinstance(value, list):
                value = ", ".join(value) or "none"
            elif isinstance(value, bool):
                value = "yes" if value else "no"
            rows.append((name, value, self.reasons.get(name, "")))
        for name, failure in self.renderers.items():
            rows.append((f"renderer {name}", "no" if failure else "works", failure))
        return Table(self.device_name or "", ("capability", "value", "why"), tuple(rows))


def _rebuild(plain: dict[str, Any]) -> DeviceCapabilities:
    return DeviceCapabilities(**plain)


def capabilities_from(plain: Mapping[str, Any]) -> DeviceCapabilities:
    """The record from plain data; names that this version doesn't know are dropped.

    Raises:
        TypeError: a field is of a kind that it can't be.
    """
    known = {f.name for f in fields(DeviceCapabilities)}
    return DeviceCapabilities(**{k: v for k, v in plain.items() if k in known})
