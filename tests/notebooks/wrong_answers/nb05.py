"""Answers that look plausible and are wrong: each must be rejected by the check of its exercise."""

_RMS = """def urms_half(x, half):
    whole = len(x) // half
    x = x[:whole * half]{convert}
    q = (x * x).reshape(whole, half).sum(1)
    return np.sqrt({rows})
"""
_RIGHT_RMS = {"convert": ".astype(np.float64)", "rows": "(q[:-1] + q[1:]) / (2 * half)"}

_DIPS = """def dips(urms, threshold, hysteresis):
    found, start, lowest = [], None, None
    for i, value in enumerate(urms):
        if start is None and value {begins}:
            start, lowest = i, value
        elif start is not None and value {ends}:
            found.append((start, {stop}, lowest))
            start = None
        elif start is not None:
            lowest = {keep}
    return {rest}
"""
_RIGHT_DIPS = {
    "begins": "< threshold",
    "ends": ">= threshold + hysteresis",
    "stop": "i",
    "keep": "min(lowest, value)",
    "rest": "found if start is None else [*found, (start, None, lowest)]",
}

_THDS = """def thds(y0, y1):
    squares = sum(np.abs(np.fft.fft(y)) ** 2 for y in {folds})
    return float({factor} * np.sqrt(squares[{harmonics}].sum() / {base}))
"""
_RIGHT_THDS = {
    "folds": "(y0, y1, np.conj(y1))",
    "factor": "100",
    "harmonics": "2:41",
    "base": "squares[1]",
}

_FIR = """def fir_block(taps, state, block):
    x = np.concatenate([state, block])
    return np.convolve({x}, taps, {mode}){cut}, {state}
"""

_MASK = """def mask_margin(x, lower, upper):
    over = np.{maximum}(x - upper, lower - x)
    outside = np.flatnonzero({outside})
    first = int(outside[0]) if len(outside) else None
    return ("PASS" if first is None else "FAIL"), float({margin}), first
"""
_RIGHT_MASK = {"maximum": "maximum", "outside": "~(over <= 0)", "margin": "over.max()"}

_RISE = """def rise_time(x, low, high, fs_hz):
    def crossing(level, begin):
        for i in np.flatnonzero({crossed}):
            place = {place}
            if place >= begin:
                return float(place)
        return None
    ten = crossing({ten}, 0)
    ninety = None if ten is None else crossing(low + 0.9 * (high - low), {begin})
    return {none} if ninety is None else (ninety - ten) / {rate}
"""
_RIGHT_RISE = {
    "crossed": "(x[:-1] < level) & (level <= x[1:])",
    "place": "i + (level - x[i]) / (x[i + 1] - x[i])",
    "ten": "low + 0.1 * (high - low)",
    "begin": "ten",
    "none": "None",
    "rate": "fs_hz",
}

_LIMITS = '''def my_limits():
    return """
name: Contract
supply: {{nominal_hz: 60 Hz, nominal_v: 120 V}}
measurements:
  - name: voltage
    measure: {voltage}
    channels: {phases}
    limits: [{{quantity: {quantity}, lower: 114 V, upper: 126 V}}]
  - name: frequency
    measure: frequency
    channels: u1
    limits: [{{quantity: frequency, lower: 59.9 Hz{highest}}}]
  - name: distortion
    measure: harmonics
    channels: [u1, u2, u3]
    limits: [{{quantity: thds, upper: {thds}}}]
  - name: unbalance
    measure: unbalance
    channels: [u1, u2, u3]
    limits: [{{quantity: u2, upper: 1 %}}]
"""
'''
_RIGHT_LIMITS = {
    "voltage": "urms_half",
    "phases": "[u1, u2, u3]",
    "quantity": "urms",
    "highest": ", upper: 60.1 Hz",
    "thds": "5 %",
}

_RING = """def replay(events, capacity):
    line, number, answers = [], 0, []
    for event, n in events:
        if event == "push":
            used = sum(count for kind, _, count in line if {room})
            kind = "samples" if used + n <= capacity else "gap"
            if line and {same}:
                line[-1][2] += n
            else:
                line.append([kind, number, n])
            {count}
        elif not line:
            answers.append(None)
        else:
            kind, first, count = line[0]
            take = {take}
            answers.append((kind, first, take))
            line[0][1:] = [first + take, count - take]
            if take == count:
                line.pop(0)
    return answers
"""
_RIGHT_RING = {
    "room": 'kind == "samples"',
    "same": "line[-1][0] == kind",
    "count": "number += n",
    "take": 'min(n, count) if kind == "samples" else count',
}

_PACE = """def keeps_up(times_us, period_us):
    ends, missed, ring, end = [], 0, 0, 0
    for k, time in enumerate(times_us):
        complete = (k + 1) * period_us
        end = {start} + time
        ends.append(end)
        missed += {late}
        ring = max(ring, sum({waits} for e in ends))
    return {load}, int(missed), ring
"""
_RIGHT_PACE = {
    "start": "max(end, complete)",
    "late": "end > complete + period_us",
    "waits": "e > complete",
    "load": "sum(times_us) / (len(times_us) * period_us)",
}

_GATE = """def gate_word(rounds, gate, k):
    if {invalid}:
        return "invalid"
    if k == 0:
        return "not resolved"
    ratios = sorted({ratios})
    low, high = {ends}
    return {word}
"""
_RIGHT_GATE = {
    "invalid": 'not all(r["right"] for r in rounds)',
    "ratios": 'r["theirs_s"] / r["ours_s"] for r in rounds',
    "ends": "ratios[k - 1], ratios[-k]",
    "word": '"met" if low >= gate else "missed" if high < gate else "not resolved"',
}

_FLAWS = [
    "NaN passes",
    "a gap is bridged",
    "a mean hides what is short",
    "a clipped record is believed",
    "each block begins anew",
    "the window doesn't follow the frequency",
]


def _flaws(words):
    return f"def flaws():\n    return {dict(zip('ABCDEF', words, strict=True))!r}\n"


_BENCH = """def bench_backend():
    worked = (paths.PROJECT_ROOT / "solutions" / "backends" / "ops_worked.py").read_text("utf-8")
    method = "    def _as_buffer(self, src):\\n        return {memory}\\n\\n"
    before = "    def _offset(self, buf: Block"
    text = worked.replace("import Target, from_mv", "import Target, from_mv, to_mv")
    return text.replace(before, method + before){more}
"""
_ZERO_COPY = "to_mv(src.address, src.size)"

WRONG_ANSWERS = {
    "5.1": [
        # counts squared as counts
        _RMS.format(**_RIGHT_RMS | {"convert": ""}),
        # of half a cycle instead of a cycle
        _RMS.format(**_RIGHT_RMS | {"rows": "q / half"}),
        # a new value only every cycle
        _RMS.format(**_RIGHT_RMS | {"rows": "(q[:-1:2] + q[1::2]) / (2 * half)"}),
        # the mean of two roots isn't the root of a mean
        _RMS.format(
            **_RIGHT_RMS | {"rows": "((np.sqrt(q[:-1] / half) + np.sqrt(q[1:] / half)) / 2) ** 2"}
        ),
        # the rest of a half cycle counts as one
        """def urms_half(x, half):
    x = x.astype(np.float64)
    starts = range(0, max(0, len(x) - half), half)
    return np.array([np.sqrt(np.mean(x[s:s + 2 * half] ** 2)) for s in starts])
""",
    ],
    "5.2": [
        # one threshold
        _DIPS.format(**_RIGHT_DIPS | {"ends": ">= threshold"}),
        # at the threshold is a dip
        _DIPS.format(**_RIGHT_DIPS | {"begins": "<= threshold"}),
        # at the upper threshold it goes on
        _DIPS.format(**_RIGHT_DIPS | {"ends": "> threshold + hysteresis"}),
        # begins with hysteresis, too
        _DIPS.format(**_RIGHT_DIPS | {"begins": "< threshold - hysteresis"}),
        # what goes on isn't told
        _DIPS.format(**_RIGHT_DIPS | {"rest": "found"}),
        # the last value inside instead of the one after
        _DIPS.format(**_RIGHT_DIPS | {"stop": "i - 1"}),
        # the last instead of the lowest
        _DIPS.format(**_RIGHT_DIPS | {"keep": "value"}),
    ],
    "5.3": [
        # THD: without the neighbours
        _THDS.format(**_RIGHT_THDS | {"folds": "(y0,)"}),
        # the lower neighbour is forgotten
        _THDS.format(**_RIGHT_THDS | {"folds": "(y0, y1)"}),
        # without conj the upper one counts twice
        _THDS.format(**_RIGHT_THDS | {"folds": "(y0, y1, y1)"}),
        # with the fundamental
        _THDS.format(**_RIGHT_THDS | {"harmonics": "1:41"}),
        # the 40th is left out
        _THDS.format(**_RIGHT_THDS | {"harmonics": "2:40"}),
        # all bins there are
        _THDS.format(**_RIGHT_THDS | {"harmonics": "2:"}),
        # of the whole RMS
        _THDS.format(**_RIGHT_THDS | {"base": "squares[1:41].sum()"}),
        _THDS.format(**_RIGHT_THDS | {"factor": "1"}),
    ],
    "5.4": [
        # every block begins with zeros
        _FIR.format(x="block", mode='"full"', cut="[:len(block)]", state="state"),
        # the state of the block alone: too short for a short block
        _FIR.format(x="x", mode='"valid"', cut="", state="block[-(len(taps) - 1):]"),
        # with one tap the state is everything
        _FIR.format(x="x", mode='"valid"', cut="", state="x[-(len(taps) - 1):]"),
        # the taps turned round
        _FIR.format(x="x", mode='"valid"', cut="", state="x[len(x) - len(taps) + 1:]").replace(
            "x, taps,", "x, taps[::-1],"
        ),
        # a sample too many is kept
        _FIR.format(x="x", mode='"full"', cut="[:len(block)]", state="x[len(x) - len(taps) + 1:]"),
    ],
    "5.5": [
        # NaN is neither above nor below
        _MASK.format(**_RIGHT_MASK | {"outside": "over > 0"}),
        # NaN is left out of the margin
        _MASK.format(**_RIGHT_MASK | {"margin": "np.nanmax(over)"}),
        # on the edge is outside
        _MASK.format(**_RIGHT_MASK | {"outside": "~(over < 0)"}),
        # fmax prefers the number to the NaN
        """def mask_margin(x, lower, upper):
    bad = np.flatnonzero((x > upper) | (x < lower) | np.isnan(x))
    first = int(bad[0]) if len(bad) else None
    margin = max(np.abs(x - upper).max(), np.abs(lower - x).max())
    return ("PASS" if first is None else "FAIL"), float(margin), first
""",
        # only the upper side
        """def mask_margin(x, lower, upper):
    over = x - upper
    bad = np.flatnonzero(~(over <= 0))
    first = int(bad[0]) if len(bad) else None
    return ("PASS" if first is None else "FAIL"), float(over.max()), first
""",
        # the worst sample instead of the first
        """def mask_margin(x, lower, upper):
    over = np.maximum(x - upper, lower - x)
    bad = ~(over <= 0)
    first = int(np.argmax(over)) if bad.any() else None
    return ("PASS" if first is None else "FAIL"), float(over.max()), first
""",
    ],
    "5.6": [
        # from sample to sample
        _RISE.format(**_RIGHT_RISE | {"place": "i + 1"}),
        # per cent of the high level, whatever the low one is
        _RISE.format(**_RIGHT_RISE | {"ten": "0.1 * high"}),
        # in samples
        _RISE.format(**_RIGHT_RISE | {"rate": "1"}),
        # the first 90% that there is
        _RISE.format(**_RIGHT_RISE | {"crossed": "x[1:] >= level"}),
        # nothing is a number as well
        _RISE.format(**_RIGHT_RISE | {"none": "0.0"}),
        # the nearest sample to each level
        """def rise_time(x, low, high, fs_hz):
    ten, ninety = (int(np.abs(x - (low + p * (high - low))).argmin()) for p in (0.1, 0.9))
    return (ninety - ten) / fs_hz if ninety > ten else None
""",
    ],
    "5.7": [
        # a mean over 200 ms
        _LIMITS.format(**_RIGHT_LIMITS | {"voltage": "rms", "quantity": "rms"}),
        # the first phase stands for all
        _LIMITS.format(**_RIGHT_LIMITS | {"phases": "u1"}),
        # only one side of the frequency
        _LIMITS.format(**_RIGHT_LIMITS | {"highest": ""}),
        # stricter than the contract
        _LIMITS.format(**_RIGHT_LIMITS | {"thds": "4 %"}),
        # events begin at 90%
        """def my_limits():
    return '''
name: Contract
supply: {nominal_hz: 60 Hz, nominal_v: 120 V}
measurements:
  - name: events
    measure: voltage_events
    channels: [u1, u2, u3]
    limits: [{quantity: dips, upper: 0}, {quantity: swells, upper: 0}]
'''
""",
        # a key that doesn't exist
        _LIMITS.format(**_RIGHT_LIMITS).replace("measure: harmonics", "measurement: harmonics"),
    ],
    "5.8": [
        # a gap takes room
        _RING.format(**_RIGHT_RING | {"room": "True"}),
        # lost samples aren't counted: what comes after gets their numbers
        _RING.format(**_RIGHT_RING | {"count": 'number += n if kind == "samples" else 0'}),
        # a gap is handed out in pieces
        _RING.format(**_RIGHT_RING | {"take": "min(n, count)"}),
        # each lost block is a gap of its own
        _RING.format(**_RIGHT_RING | {"same": 'line[-1][0] == kind == "samples"'}),
        # all that is there, whatever was asked for
        _RING.format(**_RIGHT_RING | {"take": "count"}),
        # drops silently and bridges
        """def replay(events, capacity):
    held, answers = [], []
    for event, n in events:
        if event == "push":
            last = held[-1] + 1 if held else 0
            if len(held) + n <= capacity:
                held += range(last, last + n)
        elif held:
            answers.append(("samples", held[0], len(held[:n])))
            held = held[n:]
        else:
            answers.append(None)
    return answers
""",
    ],
    "5.9": [
        # every block starts when it is complete
        _PACE.format(**_RIGHT_PACE | {"start": "complete"}),
        # never waits for its samples
        _PACE.format(**_RIGHT_PACE | {"start": "end"}),
        # exactly in time is too late
        _PACE.format(**_RIGHT_PACE | {"late": "end >= complete + period_us"}),
        # slow blocks only, not those that wait behind them
        _PACE.format(**_RIGHT_PACE | {"late": "time > period_us"}),
        # the one in work isn't in the ring
        _PACE.format(**_RIGHT_PACE | {"waits": "e > complete and e is not ends[0]"}).replace(
            "ring = max(ring, sum(", "ring = max(ring, -1 + sum("
        ),
        # the slowest block's load
        _PACE.format(**_RIGHT_PACE | {"load": "max(times_us) / period_us"}),
        # a block that ends now is still there
        _PACE.format(**_RIGHT_PACE | {"waits": "e >= complete"}),
    ],
    "5.10": [
        # right or wrong, fast is fast
        _GATE.format(**_RIGHT_GATE | {"invalid": "False"}),
        # ours over theirs
        _GATE.format(**_RIGHT_GATE | {"ratios": 'r["ours_s"] / r["theirs_s"] for r in rounds'}),
        # sorted apart: the pairs are lost
        """def gate_word(rounds, gate, k):
    if not all(r["right"] for r in rounds):
        return "invalid"
    if k == 0:
        return "not resolved"
    ours, theirs = (sorted(r[n] for r in rounds) for n in ("ours_s", "theirs_s"))
    low, high = theirs[k - 1] / ours[-k], theirs[-k] / ours[k - 1]
    return "met" if low >= gate else "missed" if high < gate else "not resolved"
""",
        # one more is left out at each end
        _GATE.format(**_RIGHT_GATE | {"ends": "ratios[k % len(ratios)], ratios[-k - 1]"}),
        # at the gate is missed
        _GATE.format(
            **_RIGHT_GATE
            | {"word": '"met" if low > gate else "missed" if high <= gate else "not resolved"'}
        ),
        # the median decides everything
        """def gate_word(rounds, gate, k):
    if not all(r["right"] for r in rounds):
        return "invalid"
    ratios = sorted(r["theirs_s"] / r["ours_s"] for r in rounds)
    return "met" if ratios[len(ratios) // 2] >= gate else "missed"
""",
    ],
    "5.11": [
        "def flaws():\n    return {}\n",
        # clipping and gaps mixed up
        _flaws([_FLAWS[0], _FLAWS[3], _FLAWS[2], _FLAWS[1], *_FLAWS[4:]]),
        # everything in blocks bridges something
        _flaws([*_FLAWS[:4], _FLAWS[1], _FLAWS[5]]),
        _flaws([_FLAWS[3], *_FLAWS[1:3], _FLAWS[0], *_FLAWS[4:]]),
    ],
    "5.12": [
        # as it was
        """def bench_backend():
    return (paths.PROJECT_ROOT / "solutions" / "backends" / "ops_worked.py").read_text("utf-8")
""",
        # a copy
        _BENCH.format(memory="memoryview(bytearray(to_mv(src.address, src.size)))", more=""),
        # the owner's memory: in front of the aligned beginning, and longer
        _BENCH.format(memory='memoryview(src.owner).cast(\\"B\\")', more=""),
        # every view begins where its buffer does
        _BENCH.format(
            memory="to_mv((a := ctypes.addressof(src.owner)) + -a % ALIGNMENT, src.size)", more=""
        ),
        # shares its memory, and computes NaN away
        _BENCH.format(memory=_ZERO_COPY, more='.replace(\'"-O2"\', \'"-O2", "-ffast-math"\')'),
        # the file's name instead of its text
        """def bench_backend():
    return str(paths.PROJECT_ROOT / "solutions" / "backends" / "ops_worked.py")
""",
    ],
}
