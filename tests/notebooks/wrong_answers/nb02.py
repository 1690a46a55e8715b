"""Answers that look plausible and are wrong: each must be rejected by the check of its exercise."""

_FIT = """def first_fit(events, limit):
    used, answers = {{}}, []
    for kind, name, *size in events:
        if kind == "free":
            used.pop(name, None)
            continue
        need, start = {need}, 0
        for address, length in sorted(used.values()):
            if address - start >= need:
                break
            start = address + length
        fits = start + need <= limit
        answers.append(start if fits else None)
        if fits:
            used[name] = (start, need)
    return answers
"""
_WORKED = """def my_backend():
    text = (paths.PROJECT_ROOT / "solutions" / "backends" / "ops_worked.py").read_text("utf-8")
    changed = text.replace({old!r}, {new!r})
    assert changed != text
    return changed
"""

WRONG_ANSWERS = {
    "2.1": [
        # the number stays in the name
        """def find_device(device, classes):
    name = device.lower()
    found = next((c for c in classes if c.lower() == f"{name}device"), None)
    return f"tinygrad.runtime.ops_{name}", found
""",
        # any class that ends with Device
        """def find_device(device, classes):
    name = device.split(":")[0].lower()
    return f"tinygrad.runtime.ops_{name}", next((c for c in classes if c.endswith("Device")), None)
""",
        # capitals matter
        """def find_device(device, classes):
    name = device.split(":")[0].lower()
    wanted = name.capitalize() + "Device"
    return f"tinygrad.runtime.ops_{name}", wanted if wanted in classes else None
""",
        # the file instead of the module
        """def find_device(device, classes):
    name = device.split(":")[0].lower()
    found = next((c for c in classes if c.lower() == f"{name}device"), None)
    return f"ops_{name}", found
""",
    ],
    "2.2": [
        _FIT.format(need="size[0]"),  # not aligned
        _FIT.format(need="(size[0] // 64 + 1) * 64"),  # 64 becomes 128
        # never looks for a gap
        """def first_fit(events, limit):
    top, answers = 0, []
    for kind, name, *size in events:
        if kind == "alloc":
            need = -(-size[0] // 64) * 64
            answers.append(top if top + need <= limit else None)
            top += need if top + need <= limit else 0
    return answers
""",
        # a freed block is used again only for exactly its size
        """def first_fit(events, limit):
    top, answers, live, kept = 0, [], {}, []
    for kind, name, *size in events:
        if kind == "free":
            if name in live:
                kept.append(live.pop(name))
            continue
        need = -(-size[0] // 64) * 64
        same = [b for b in sorted(kept) if b[1] == need]
        if same:
            kept.remove(same[0])
            live[name] = same[0]
        elif top + need <= limit:
            live[name] = (top, need)
            top += need
        answers.append(live[name][0] if name in live else None)
    return answers
""",
    ],
    "2.3": [
        # every key
        """def stale(builds):
    return sorted({(b["renderer"], b["arch"]) for b in builds})
""",
        # built more than once, whatever the flags
        """def stale(builds):
    keys = [(b["renderer"], b["arch"]) for b in builds]
    return sorted({k for k in keys if keys.count(k) > 1})
""",
        # the renderer is forgotten
        """def stale(builds):
    seen = {}
    for b in builds:
        seen.setdefault(b["arch"], set()).add(b["flags"])
    return sorted(key for key, flags in seen.items() if len(flags) > 1)
""",
        # a set has no order
        """def stale(builds):
    seen = {}
    for b in builds:
        seen.setdefault((b["renderer"], b["arch"]), set()).add(b["flags"])
    return {key for key, flags in seen.items() if len(flags) > 1}
""",
    ],
    "2.4": [
        # one call, whatever the cores
        """def argument_lists(signature, addresses, vals, global_size):
    return [[*addresses, *vals]]
""",
        # the core is always the last argument
        """def argument_lists(signature, addresses, vals, global_size):
    if "core_id" not in signature:
        return [[*addresses, *vals]]
    rest = [v for v in vals if v is not None]
    return [[*addresses, *rest, core] for core in range(global_size[0])]
""",
        # a call for each core although nobody asked for cores
        """def argument_lists(signature, addresses, vals, global_size):
    arguments = [*addresses, *vals]
    if "core_id" not in signature:
        return [arguments] * global_size[0]
    at = signature.index("core_id")
    return [[*arguments[:at], c, *arguments[at + 1 :]] for c in range(global_size[0])]
""",
        # cores are counted from 1
        """def argument_lists(signature, addresses, vals, global_size):
    arguments = [*addresses, *vals]
    if "core_id" not in signature:
        return [arguments]
    at = signature.index("core_id")
    return [[*arguments[:at], c + 1, *arguments[at + 1 :]] for c in range(global_size[0])]
""",
    ],
    "2.5": [
        # NaN becomes a limit
        """def clamp(x, low, high):
    return f"__builtin_fminf(__builtin_fmaxf(({x}),({low})),({high}))"
""",
        # no parentheses
        """def clamp(x, low, high):
    return f"({x}<{low}?{low}:{high}<{x}?{high}:{x})"
""",
        # the comparison the other way round lets NaN become low
        """def clamp(x, low, high):
    return f"((({x})>=({low}))?((({x})<=({high}))?({x}):({high})):({low}))"
""",
        # only one side
        """def clamp(x, low, high):
    return f"(({x})<({low})?({low}):({x}))"
""",
        # a statement
        """def clamp(x, low, high):
    return f"return ({x})<({low})?({low}):({x});"
""",
        # not C
        """def clamp(x, low, high):
    return f"min(max({x}, {low}), {high})"
""",
    ],
    "2.6": [
        """def after_fast_math():
    return {}
""",
        # everything is only a little less exact
        """def after_fast_math():
    lines = ["(x != x).sum() counts the NaN in a record", "x.isinf().any() finds an overflow",
             "the mean of ordinary samples", "exp(nan) gives nan",
             "the sum of 1000 whole numbers in int32"]
    return dict.fromkeys(lines, "the same up to rounding")
""",
        # whole numbers are rounded too
        """def after_fast_math():
    rounding = "the same up to rounding"
    return {"(x != x).sum() counts the NaN in a record": "broken",
            "x.isinf().any() finds an overflow": "broken",
            "the mean of ordinary samples": rounding, "exp(nan) gives nan": "broken",
            "the sum of 1000 whole numbers in int32": rounding}
""",
    ],
    "2.7": [
        # the result is forgotten
        """def row_blocks(m, k, n, itemsize, limit):
    rows = (limit // itemsize - k * n) // k
    if rows < 1:
        return None
    return [(i, min(i + rows, m)) for i in range(0, m, rows)]
""",
        # one row at a time always fits
        """def row_blocks(m, k, n, itemsize, limit):
    if (limit // itemsize - k * n) // (k + n) < 1:
        return None
    return [(i, i + 1) for i in range(m)]
""",
        # the last block goes beyond the end
        """def row_blocks(m, k, n, itemsize, limit):
    rows = (limit // itemsize - k * n) // (k + n)
    if rows < 1:
        return None
    return [(i, i + rows) for i in range(0, m, rows)]
""",
        # B is forgotten
        """def row_blocks(m, k, n, itemsize, limit):
    rows = (limit // itemsize) // (k + n)
    if rows < 1:
        return None
    return [(i, min(i + rows, m)) for i in range(0, m, rows)]
""",
        # float32 taken for granted
        """def row_blocks(m, k, n, itemsize, limit):
    rows = (limit // 4 - k * n) // (k + n)
    if rows < 1:
        return None
    return [(i, min(i + rows, m)) for i in range(0, m, rows)]
""",
    ],
    "2.8": [
        # the wrong direction
        """def at_fault():
    return {"B": "Allocator._copyin", "C": "Compiler.compile", "D": "Program.__call__"}
""",
        """def at_fault():
    return {"B": "Allocator._copyout", "C": "Renderer.code_for_op", "D": "Program.__call__"}
""",
        """def at_fault():
    return {"B": "Allocator._copyout", "C": "Compiler.compile"}
""",
    ],
    "2.9": [
        """def what_happens():
    return {"os.environ['DEVICE'] = 'MINE'": "nothing"}
""",
        # everything raises at once
        """def what_happens():
    lines = ["os.environ['DEVICE'] = 'MINE'", "os.environ['DEBUG'] = '4', after import tinygrad",
             "if uop.op is Ops.RELU: ... in a renderer",
             "super().__init__(), in a renderer's __init__", "an allocator without _offset",
             "a pool that hands out any freed block, whatever its size"]
    return dict.fromkeys(lines, "raises at once")
""",
        # a missing method is noticed when the device is opened
        """def what_happens():
    lines = ["os.environ['DEVICE'] = 'MINE'", "os.environ['DEBUG'] = '4', after import tinygrad",
             "if uop.op is Ops.RELU: ... in a renderer",
             "super().__init__(), in a renderer's __init__", "an allocator without _offset",
             "a pool that hands out any freed block, whatever its size"]
    words = ["nothing", "nothing", "raises at once", "raises at once", "raises at once",
             "wrong answers"]
    return dict(zip(lines, words))
""",
    ],
    "2.10": [
        # the untouched template
        """def my_backend():
    from labs.backends.framework import from_template
    return from_template("OWN")
""",
        # views begin where their buffer does
        _WORKED.format(old="buf.address + offset", new="buf.address"),
        # NaN and infinity are gone, and the integers behind the buffers as well
        _WORKED.format(old='"-O2", "-fPIC"', new='"-O2", "-ffast-math", "-fPIC"').replace(
            "return changed", 'return changed.replace("ctypes.c_uint64, vals", "int, ()")'
        ),
        # the file's name instead of its text
        """def my_backend():
    return str(paths.PROJECT_ROOT / "solutions" / "backends" / "ops_worked.py")
""",
        # a crash is a failed case, not the end
        _WORKED.format(old="self.loaded.fxn(", new="ctypes.string_at(0); self.loaded.fxn("),
    ],
}
