"""Answers that look plausible and are wrong: each must be rejected by the check of its exercise."""

WRONG_ANSWERS = {
    "1.1": [
        # None counts as yes
        """def pick_device(devices, needs):
    for d in devices:
        if all(d.get(n) is not False for n in needs):
            return d["device"]
    return None
""",
        # any instead of all
        """def pick_device(devices, needs):
    for d in devices:
        if any(d.get(n) is True for n in needs) or not needs:
            return d["device"]
    return None
""",
        # the last one that fits
        """def pick_device(devices, needs):
    fits = [d["device"] for d in devices if all(d.get(n) is True for n in needs)]
    return fits[-1] if fits else None
""",
        # the whole row
        """def pick_device(devices, needs):
    return next((d for d in devices if all(d.get(n) is True for n in needs)), None)
""",
        # an ability that isn't listed is a KeyError
        """def pick_device(devices, needs):
    return next((d["device"] for d in devices if all(d[n] is True for n in needs)), None)
""",
    ],
    "1.2": [
        """def who_does_what():
    return {
        "turns UOps into source text": "Compiler",
        "turns source text into a binary": "Renderer",
        "launches a binary on buffers": "Program",
        "reserves memory and copies data in and out": "Allocator",
        "owns the other parts and waits for the device": "Compiled",
    }
""",
        """def who_does_what():
    return {"turns UOps into source text": "Renderer"}
""",
        """def who_does_what():
    return ["Renderer", "Compiler", "Program", "Allocator", "Compiled"]
""",
    ],
    "1.3": [
        # multiplications only
        """def matmul_cost(m, k, n, itemsize):
    return m * k * n, itemsize * (m * k + k * n + m * n)
""",
        # the result isn't written
        """def matmul_cost(m, k, n, itemsize):
    return 2 * m * k * n, itemsize * (m * k + k * n)
""",
        # float32 taken for granted
        """def matmul_cost(m, k, n, itemsize):
    return 2 * m * k * n, 4 * (m * k + k * n + m * n)
""",
        # every access instead of each byte once
        """def matmul_cost(m, k, n, itemsize):
    return 2 * m * k * n, itemsize * (2 * m * k * n + m * n)
""",
    ],
    "1.4": [
        """def which_language():
    return {"A": "OpenCL C", "B": "WGSL", "C": "CUDA", "D": "Metal"}
""",
        """def which_language():
    return {"A": "CUDA", "B": "WGSL", "C": "OpenCL C", "D": ""}
""",
        """def which_language():
    return {"A": "Metal", "B": "WGSL", "C": "OpenCL C", "D": "CUDA"}
""",
    ],
    "1.5": [
        # memory goes back to the device on free
        """def replay(events):
    held = peak = 0
    for kind, name, size in events:
        held += size if kind == "alloc" else -size
        peak = max(peak, held)
    return peak, 0
""",
        # a kept block of any size will do
        """def replay(events):
    kept, held, peak, reused = [], 0, 0, 0
    for kind, name, size in events:
        if kind == "free":
            kept.append(size)
        elif kept:
            kept.pop()
            reused += 1
        else:
            held += size
            peak = max(peak, held)
    return peak, reused
""",
        # a kept block is handed out twice
        """def replay(events):
    kept, held, peak, reused = set(), 0, 0, 0
    for kind, name, size in events:
        if kind == "free":
            kept.add(size)
        elif size in kept:
            reused += 1
        else:
            held += size
            peak = max(peak, held)
    return peak, reused
""",
    ],
    "1.6": [
        # stops before the device has finished
        """def time_per_call(launch, synchronize, clock, loops):
    launch()
    synchronize()
    start = clock()
    for _ in range(loops):
        launch()
    return (clock() - start) / loops
""",
        # compiles inside the clock
        """def time_per_call(launch, synchronize, clock, loops):
    synchronize()
    start = clock()
    for _ in range(loops):
        launch()
    synchronize()
    return (clock() - start) / loops
""",
        # pending work inside the clock
        """def time_per_call(launch, synchronize, clock, loops):
    launch()
    start = clock()
    for _ in range(loops):
        launch()
    synchronize()
    return (clock() - start) / loops
""",
        # the whole time instead of the time per call
        """def time_per_call(launch, synchronize, clock, loops):
    launch()
    synchronize()
    start = clock()
    for _ in range(loops):
        launch()
    synchronize()
    return clock() - start
""",
    ],
    "1.7": [
        # no threshold
        """def verdict(speedup, low, high, threshold):
    if low <= 1 <= high:
        return "not resolved"
    return "faster" if speedup > 1 else "slower"
""",
        # no interval
        """def verdict(speedup, low, high, threshold):
    if abs(speedup - 1) < threshold:
        return "not resolved"
    return "faster" if speedup > 1 else "slower"
""",
        # always decides
        """def verdict(speedup, low, high, threshold):
    return "faster" if speedup > 1 else "slower"
""",
        # slower read as faster
        """def verdict(speedup, low, high, threshold):
    if low <= 1 <= high or abs(speedup - 1) < threshold:
        return "not resolved"
    return "slower" if speedup > 1 else "faster"
""",
    ],
}
