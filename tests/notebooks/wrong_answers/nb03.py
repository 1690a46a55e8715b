"""Answers that look plausible and are wrong: each must be rejected by the check of its exercise."""

_LAYER = """def layer_intensities(m, k, n, itemsize):
    flop = {flop}
    inputs, result = m * k + k * n + n, m * n
    return flop / (itemsize * (inputs + result)), flop / (itemsize * ({apart}))
"""
_OPTIONS = """def {name}():
    return {options!r}
"""
_WARPS = """def active_warps(threads, registers, shared_bytes):
    warps = {warps}
    per_warp = {per_warp}
    per_block = {per_block}
    allowed = {{
        "warp slots": 64 // warps,
        "block slots": 32,
        "registers": 65536 // per_warp // warps,
        "shared memory": 233472 // per_block,
    }}
    limit = {choose}(allowed, key=allowed.get)
    return {result}, limit
"""
_RIGHT_WARPS = {
    "warps": "-(-threads // 32)",
    "per_warp": "-(-registers * 32 // 256) * 256",
    "per_block": "-(-(shared_bytes + 1024) // 128) * 128",
    "choose": "min",
    "result": "allowed[limit] * warps",
}
_BLOCKED = """def blocked_matmul(a, b, block, product):
    (m, k), n = a.shape, b.shape[1]
    out = np.zeros((m, n), a.dtype)
    for i in range(0, {m}, block):
        for j in range(0, {n}, block):
            for l in range(0, k, block):
                piece = product(a[i : i + block, l : l + block], b[l : l + block, j : j + block])
                out[i : i + block, j : j + block] {add} piece
    return out
"""
_QUANTIZE = """def quantize_rows(x):
    largest = np.abs(x).max({axis})
    scales = np.where(largest > 0, largest / {top}, 1).astype(np.float32)
    return {q}, scales
"""
_SAVED = """def what_is_saved():
    words = ["sectors of each load", "{}", "{}"]
    words += ["load instructions and waiting", "multiply-add instructions", "{}"]
    lines = [
        "coalesced: neighbouring threads take neighbouring columns",
        "shared: a block loads tiles once for all its threads",
        "register: a thread computes 8 x 8 results",
        "vector: 16 bytes at a time, the next tile during this one",
        "mma: a warp multiplies 16 x 8 x 16 at once",
        "hopper fills 12 of 64 warp slots, and is fastest: its warps have",
    ]
    return dict(zip(lines, words, strict=True))
"""


def _options(name, *options):
    return _OPTIONS.format(name=name, options=list(options))


def _warps(**changed):
    return _WARPS.format(**_RIGHT_WARPS | changed)


WRONG_ANSWERS = {
    "3.1": [
        # the sum: computing and moving go on at the same time
        """def least_time(flop, min_bytes, flop_per_s, bytes_per_s):
    compute, memory = flop / flop_per_s, min_bytes / bytes_per_s
    return compute + memory, "compute" if compute > memory else "memory"
""",
        # the words the wrong way round
        """def least_time(flop, min_bytes, flop_per_s, bytes_per_s):
    compute, memory = flop / flop_per_s, min_bytes / bytes_per_s
    return max(compute, memory), "memory" if compute > memory else "compute"
""",
        # more FLOP than bytes is not the ridge
        """def least_time(flop, min_bytes, flop_per_s, bytes_per_s):
    compute, memory = flop / flop_per_s, min_bytes / bytes_per_s
    return max(compute, memory), "compute" if flop > min_bytes else "memory"
""",
        # the shorter of the two
        """def least_time(flop, min_bytes, flop_per_s, bytes_per_s):
    compute, memory = flop / flop_per_s, min_bytes / bytes_per_s
    return min(compute, memory), "compute" if compute > memory else "memory"
""",
    ],
    "3.2": [
        # the kernels between write, but don't read
        _LAYER.format(flop="2 * m * k * n + 2 * m * n", apart="inputs + 3 * result"),
        # the product alone
        _LAYER.format(flop="2 * m * k * n", apart="inputs + 5 * result"),
        # a multiply-add counted once
        _LAYER.format(flop="m * k * n + 2 * m * n", apart="inputs + 5 * result"),
        # fusing changes nothing
        _LAYER.format(flop="2 * m * k * n + 2 * m * n", apart="inputs + result"),
        # float32 taken for granted
        _LAYER.format(flop="2 * m * k * n + 2 * m * n", apart="inputs + 5 * result").replace(
            "itemsize *", "4 *"
        ),
    ],
    "3.3": [
        # only where a lane's access begins
        """def count_sectors(addresses, bytes_per_lane, sector_bytes):
    return len({a // sector_bytes for a in addresses if a is not None})
""",
        # the bytes, as if they lay side by side
        """def count_sectors(addresses, bytes_per_lane, sector_bytes):
    active = [a for a in addresses if a is not None]
    return -(-len(active) * bytes_per_lane // sector_bytes)
""",
        # masked lanes read address 0
        """def count_sectors(addresses, bytes_per_lane, sector_bytes):
    touched = set()
    for a in addresses:
        a = a or 0
        touched |= set(range(a // sector_bytes, (a + bytes_per_lane - 1) // sector_bytes + 1))
    return len(touched)
""",
        # one byte too far
        """def count_sectors(addresses, bytes_per_lane, sector_bytes):
    touched = set()
    for a in addresses:
        if a is not None:
            touched |= set(range(a // sector_bytes, (a + bytes_per_lane) // sector_bytes + 1))
    return len(touched)
""",
        # 32 taken for granted
        """def count_sectors(addresses, bytes_per_lane, sector_bytes):
    touched = set()
    for a in addresses:
        if a is not None:
            touched |= set(range(a // 32, (a + bytes_per_lane - 1) // 32 + 1))
    return len(touched)
""",
    ],
    "3.4": [
        # what tinygrad's heuristic chooses
        _options("row_sum_options", "GROUPTOP 0 16"),
        # a lane for each row: a stride of a whole row
        _options("row_sum_options", "LOCAL 0 32"),
        # no lanes at all
        _options("row_sum_options"),
        # wide loads help a little
        _options("row_sum_options", "LOCAL 0 32", "UNROLL 0 4"),
        # right order, half a warp
        _options("row_sum_options", "GROUP 0 16"),
        # no such option, and one that doesn't divide
        _options("row_sum_options", "COALESCE 0 32"),
        _options("row_sum_options", "GROUP 0 48"),
        # a text is no list
        _OPTIONS.format(name="row_sum_options", options="GROUP 0 32"),
    ],
    "3.5": [
        # equal is not better
        """def smallest_batch(launch_us, work_us, copy_us):
    if copy_us >= launch_us:
        return None
    return -(-launch_us // (launch_us - copy_us))
""",
        # the work counts against it
        """def smallest_batch(launch_us, work_us, copy_us):
    if copy_us + work_us >= launch_us:
        return None
    return launch_us // (launch_us - copy_us - work_us) + 1
""",
        # copies are free
        """def smallest_batch(launch_us, work_us, copy_us):
    return 2
""",
        # a fraction of a record
        """def smallest_batch(launch_us, work_us, copy_us):
    return launch_us / (launch_us - copy_us) if copy_us < launch_us else None
""",
    ],
    "3.6": [
        # registers are handed out in units
        _warps(per_warp="registers * 32"),
        # the last warp of a block is forgotten
        _warps(warps="threads // 32"),
        # nothing is reserved
        _warps(per_block="max(shared_bytes, 1)"),
        # blocks instead of warps
        _warps(result="allowed[limit]"),
        # the resource with most room
        _warps(choose="max"),
    ],
    "3.7": [
        # the heuristic's tile
        _options("my_options", "UPCAST 1 4", "UPCAST 0 4"),
        # a vector is no tile
        _options("my_options", "UPCAST 1 16"),
        # written-out sums load just as much
        _options("my_options", "UPCAST 1 4", "UPCAST 0 4", "UNROLL 0 8"),
        # more than there are registers
        _options("my_options", "UPCAST 1 16", "UPCAST 0 16"),
        # a CPU has no work groups
        _options("my_options", "LOCAL 0 8", "UPCAST 1 8", "UPCAST 0 8"),
        # depends on the machine
        _options("my_options", "UPCAST 1 8", "UPCAST 0 8", "THREAD 0 2"),
    ],
    "3.8": [
        # the last block wins instead of the sum
        _BLOCKED.format(m="m", n="n", add="="),
        # what no block divides is left out
        _BLOCKED.format(m="m - block + 1", n="n - block + 1", add="+="),
        # numpy did it
        """def blocked_matmul(a, b, block, product):
    return a @ b
""",
        # in one piece
        """def blocked_matmul(a, b, block, product):
    return product(a, b)
""",
        # square matrices taken for granted
        _BLOCKED.format(m="m", n="m", add="+="),
    ],
    "3.9": [
        # a cast cuts off
        _QUANTIZE.format(axis="axis=1", top="127", q="(x / scales[:, None]).astype(np.int8)"),
        # one scale for all rows
        """def quantize_rows(x):
    scale = np.float32(np.abs(x).max() / 127) or np.float32(1)
    return np.rint(x / scale).astype(np.int8), np.full(len(x), scale, np.float32)
""",
        # 128 doesn't exist in int8
        _QUANTIZE.format(
            axis="axis=1", top="128", q="np.rint(x / scales[:, None]).astype(np.int8)"
        ),
        # the largest value, not the largest magnitude
        """def quantize_rows(x):
    largest = x.max(axis=1)
    scales = np.where(largest > 0, largest / 127, 1).astype(np.float32)
    return np.rint(x / scales[:, None]).astype(np.int8), scales
""",
        # a row of zeros
        """def quantize_rows(x):
    scales = (np.abs(x).max(axis=1) / 127).astype(np.float32)
    with np.errstate(all="ignore"):
        return np.nan_to_num(np.rint(x / scales[:, None])).astype(np.int8), scales
""",
        # whole numbers, but not int8
        _QUANTIZE.format(axis="axis=1", top="127", q="np.rint(x / scales[:, None])"),
    ],
    "3.10": [
        # each byte once
        """def tiled_bytes(m, n, k, rows, columns, itemsize):
    return itemsize * (m * k + k * n + m * n)
""",
        # the result isn't written
        """def tiled_bytes(m, n, k, rows, columns, itemsize):
    return itemsize * (m // rows) * (n // columns) * (rows + columns) * k
""",
        # the tile's area instead of its edges
        """def tiled_bytes(m, n, k, rows, columns, itemsize):
    return itemsize * ((m // rows) * (n // columns) * rows * columns * k + m * n)
""",
        # rows and columns change places
        """def tiled_bytes(m, n, k, rows, columns, itemsize):
    return itemsize * ((m // columns) * (n // rows) * (rows + columns) * k + m * n)
""",
    ],
    "3.11": [
        """def what_is_saved():
    return {}
""",
        # shared memory and registers the wrong way round
        _SAVED.format("loads from shared memory", "loads from memory and L2", "independent work"),
        """def what_is_saved():
    return ["sectors of each load", "loads from memory and L2", "loads from shared memory"]
""",
        # full slots would be better
        _SAVED.format("loads from memory and L2", "loads from shared memory", "more registers"),
    ],
}
