"""Answers that look plausible and are wrong: each must be rejected by the check of its exercise."""

_CLAIMS = [
    "B multiplies faster than A",
    "A adds faster than B",
    "A and B add equally fast",
    "C multiplies 50 times faster than B",
    "B needs less energy than A",
    "adding on A can't be made much faster",
]


def _chosen(function, keys, words):
    return f"def {function}():\n    return {dict(zip(keys, words, strict=True))!r}\n"


_RATE = """def honest_rate(calls):
    import statistics
    rates = [2 * c["n"] ** 3 / ({end} - c["start"]) for c in calls{which}]
    return statistics.{middle}(rates) if rates else {none}
"""
_CHOOSE = """def choose(work, devices):
    def seconds(d):
        busy = {busy}(work["flop"] / d["flop_per_s"], work["bytes"] / d["bytes_per_s"])
        moving = 0.0
        if d["link_s"] is not None{moved}:
            moving = {latency} + work["moved"] / d["link_bytes_per_s"]
        return {launches} * d["launch_s"] + busy + moving
    return min(((name, seconds(d)) for name, d in devices.items()), key=lambda pair: pair[1])
"""
_RIGHT_CHOICE = {
    "busy": "max",
    "moved": ' and work["moved"]',
    "latency": 'd["link_s"]',
    "launches": 'work["kernels"]',
}
_RECOVER = """def recover(n, log):
    results, held, failed = {{}}, {{}}, set()
    for kind, device, *more in log:
        {deaf}
        if kind == "sent":
            held.setdefault(device, set()).add(more[0])
        elif kind == "done":
            held.get(device, set()).discard(more[0])
            {keep}
        else:
            failed.add(device)
            {drop}
    busy = {busy}
    return results, [b for b in range(n) if {left}]
"""
_RIGHT_RECOVERY = {
    "deaf": "if device in failed: continue",
    "keep": "results.setdefault(more[0], more[1])",
    "drop": "held.pop(device, None)",
    "busy": "set().union(*held.values())",
    "left": "b not in results and b not in busy",
}
_LETTERS = "ABCDEF"
_FLAWS = [
    "nobody waited for the device",
    "nothing was computed",
    "it was computed before",
    "a compilation was timed",
    "a mean of skewed samples",
    "a smaller problem",
]

WRONG_ANSWERS = {
    "4.1": [
        # the interval's ends over the same ends
        """def efficiency(reached, roof):
    if reached["value"] is None or roof["value"] is None or reached["how"] != roof["how"]:
        return None
    return {k: reached[k] / roof[k] for k in ("value", "low", "high")}
""",
        # a model's number is a number
        """def efficiency(reached, roof):
    if reached["value"] is None or roof["value"] is None:
        return None
    value = reached["value"] / roof["value"]
    return {"value": value, "low": reached["low"] / roof["high"],
            "high": reached["high"] / roof["low"]}
""",
        # what is missing counts as nothing
        """def efficiency(reached, roof):
    if reached["how"] != roof["how"]:
        return None
    if reached["value"] is None or roof["value"] is None:
        return {"value": 0.0, "low": 0.0, "high": 0.0}
    return {"value": reached["value"] / roof["value"], "low": reached["low"] / roof["high"],
            "high": reached["high"] / roof["low"]}
""",
        # models never: also not over each other
        """def efficiency(reached, roof):
    if None in (reached["value"], roof["value"]) or "model" in (reached["how"], roof["how"]):
        return None
    return {"value": reached["value"] / roof["value"], "low": reached["low"] / roof["high"],
            "high": reached["high"] / roof["low"]}
""",
    ],
    "4.2": [
        "def conclusions():\n    return {}\n",
        # the smaller number is the faster one
        _chosen(
            "conclusions",
            _CLAIMS,
            ["follows", "follows", "not resolved", "no basis", "no basis", "follows"],
        ),
        # not resolved is the same as equal
        _chosen(
            "conclusions",
            _CLAIMS,
            ["follows", "not resolved", "follows", "no basis", "no basis", "follows"],
        ),
        # a model is as good as a measurement
        _chosen(
            "conclusions",
            _CLAIMS,
            ["follows", "not resolved", "not resolved", "follows", "no basis", "follows"],
        ),
    ],
    "4.3": [
        "def lies():\n    return {}\n",
        # the first three mixed up
        _chosen("lies", _LETTERS, [_FLAWS[1], _FLAWS[0], *_FLAWS[2:]]),
        _chosen("lies", _LETTERS, [_FLAWS[0], _FLAWS[2], _FLAWS[1], *_FLAWS[3:]]),
        # every large number is a compilation
        _chosen("lies", _LETTERS, [*_FLAWS[:3], _FLAWS[3], _FLAWS[3], _FLAWS[5]]),
    ],
    "4.4": [
        # until the launch has returned
        _RATE.format(end='c["returned"]', which=' if not c["first"]', middle="median", none=None),
        # with the first call
        _RATE.format(end='c["synchronized"]', which="", middle="median", none=None),
        # the mean
        _RATE.format(
            end='c["synchronized"]', which=' if not c["first"]', middle="fmean", none=None
        ),
        # no call counts, and still a number
        _RATE.format(
            end='c["synchronized"]', which=' if not c["first"]', middle="median", none="0.0"
        ),
        # all FLOP over all seconds
        """def honest_rate(calls):
    mine = [c for c in calls if not c["first"]]
    if not mine:
        return None
    seconds = sum(c["synchronized"] - c["start"] for c in mine)
    return sum(2 * c["n"] ** 3 for c in mine) / seconds
""",
    ],
    "4.5": [
        "def alpha():\n    return {}\n",
        # the last step is where it shows
        """def alpha():
    return {"step": 5, "index": (0,), "fault": "the last element is never written"}
""",
        """def alpha():
    return {"step": 4, "index": (6,), "fault": "a sum misses a term"}
""",
        # counted from one
        """def alpha():
    return {"step": 5, "index": (7,), "fault": "the last element is never written"}
""",
    ],
    "4.6": [
        "def bravo():\n    return {}\n",
        # values instead of bytes
        """def bravo():
    return {"buffer_bytes": 7, "bytes_outside": 1, "fault": "one value is written behind the end"}
""",
        """def bravo():
    return {"buffer_bytes": 28, "bytes_outside": 4, "fault": "freed memory is written to"}
""",
        """def bravo():
    return {"buffer_bytes": 32, "bytes_outside": 4, "fault": "one value is written behind the end"}
""",
    ],
    "4.7": [
        "def charlie():\n    return {}\n",
        # where it ends up, not where it comes from
        """def charlie():
    return {"step": 3, "index": (0,), "fault": "of a number below 1"}
""",
        # the usual suspect
        """def charlie():
    return {"step": 1, "index": (3,), "fault": "of a negative number"}
""",
        """def charlie():
    return {"step": 1, "index": (7,), "fault": "of a number below 1"}
""",
    ],
    "4.8": [
        # a restart is a negative rate
        """def rates(samples):
    found = []
    for a, b in zip(samples, samples[1:]):
        count = b["kernels"] - a["kernels"]
        known = a["joules"] is not None and b["joules"] is not None and count
        found.append((count / (b["t"] - a["t"]), (b["joules"] - a["joules"]) / count
                      if known else None))
    return found
""",
        # watts instead of joules per kernel
        """def rates(samples):
    found = []
    for a, b in zip(samples, samples[1:]):
        count, dt = b["kernels"] - a["kernels"], b["t"] - a["t"]
        if count < 0:
            found.append(None)
            continue
        known = a["joules"] is not None and b["joules"] is not None and count
        found.append((count / dt, (b["joules"] - a["joules"]) / dt if known else None))
    return found
""",
        # a missing reading is zero
        """def rates(samples):
    found = []
    for a, b in zip(samples, samples[1:]):
        count = b["kernels"] - a["kernels"]
        if count < 0:
            found.append(None)
            continue
        joules = (b["joules"] or 0) - (a["joules"] or 0)
        found.append((count / (b["t"] - a["t"]), joules / count if count else None))
    return found
""",
        # counts since the beginning, not since the last sample
        """def rates(samples):
    return [(b["kernels"] / b["t"], None) for b in samples[1:]]
""",
    ],
    "4.9": [
        # computing and moving one after the other
        _CHOOSE.format(**_RIGHT_CHOICE | {"busy": "(lambda a, b: a + b)"}),
        # launches are free
        _CHOOSE.format(**_RIGHT_CHOICE | {"launches": "0"}),
        # one launch, however many kernels
        _CHOOSE.format(**_RIGHT_CHOICE | {"launches": "1"}),
        # the way there is free
        """def choose(work, devices):
    def seconds(d):
        busy = max(work["flop"] / d["flop_per_s"], work["bytes"] / d["bytes_per_s"])
        return work["kernels"] * d["launch_s"] + busy
    return min(((name, seconds(d)) for name, d in devices.items()), key=lambda pair: pair[1])
""",
        # the link's latency also where nothing is moved
        _CHOOSE.format(**_RIGHT_CHOICE | {"moved": ""}),
        # the device with the highest FLOP/s
        """def choose(work, devices):
    name = max(devices, key=lambda n: devices[n]["flop_per_s"])
    return name, work["flop"] / devices[name]["flop_per_s"]
""",
    ],
    "4.10": [
        # equal shares
        """def shares(n, seconds_each):
    names = list(seconds_each)
    return {d: n // len(names) + (i < n % len(names)) for i, d in enumerate(names)}
""",
        # rounded one by one: the sum may be anything
        """def shares(n, seconds_each):
    total = sum(1 / s for s in seconds_each.values())
    return {d: round(n / s / total) for d, s in seconds_each.items()}
""",
        # rounded down, the rest to the fastest
        """def shares(n, seconds_each):
    total = sum(1 / s for s in seconds_each.values())
    found = {d: int(n / s / total) for d, s in seconds_each.items()}
    found[min(seconds_each, key=seconds_each.get)] += n - sum(found.values())
    return found
""",
        # in proportion to the time instead of the speed
        """def shares(n, seconds_each):
    total, found = sum(seconds_each.values()), {}
    for d, s in seconds_each.items():
        found[d] = int(n * s / total)
    found[max(seconds_each, key=seconds_each.get)] += n - sum(found.values())
    return found
""",
        # all to the fastest
        """def shares(n, seconds_each):
    best = min(seconds_each, key=seconds_each.get)
    return {d: n if d == best else 0 for d in seconds_each}
""",
    ],
    "4.11": [
        # a device that failed is still believed
        _RECOVER.format(**_RIGHT_RECOVERY | {"deaf": "pass"}),
        # the last result counts
        _RECOVER.format(**_RIGHT_RECOVERY | {"keep": "results[more[0]] = more[1]"}),
        # what a failed device had in its hands is lost
        _RECOVER.format(**_RIGHT_RECOVERY | {"drop": "pass"}),
        # what others are working at is done once more
        _RECOVER.format(**_RIGHT_RECOVERY | {"left": "b not in results"}),
        # everything that the failed device ever had is done again
        """def recover(n, log):
    results = {e[2]: e[3] for e in log if e[0] == "done"}
    failed = {e[1] for e in log if e[0] == "failed"}
    return results, sorted({e[2] for e in log if e[0] == "sent" and e[1] in failed})
""",
    ],
}
