"""Which tool finds which fault of tests/backends/faulty, and why some are not for these tools.

Each name is in exactly one list; the tests in this folder run all of the first.
"""

FOUND = {
    "bisect": (
        *("VIEWOFFSET", "VIEWROUNDED", "COPYTAIL", "COPYSWAPPED", "COPYDIRECTION"),
        *("NOSYNCHRONIZE", "STALECACHE", "VALSIGNORED", "ARGUMENTSSWAPPED", "HANG", "TRAP"),
        *("FASTMATH", "TAIL", "CASTROUNDS", "HALFTRUNCATES", "UNSIGNEDCAST", "SATURATES"),
        *("DENORMAL", "SIGNEDZERO", "SHIFT", "SIGNEDCOMPARE", "FLOORDIVISION", "ROUGHSQRT"),
    ),
    "guard": ("POOLINUSE", "POOLTOOSMALL", "DOUBLEFREE", "SHARED"),
    "find_leaks": ("LEAK",),
    "timeline": ("NOTIME",),
    "first_mismatch": ("JITSTALE",),
}
# bisect runs kernels one by one, and a guard looks at memory: these faults show in neither
NOT_FOUND = {
    "UNALIGNED": "the results are right; only the addresses are not what was promised",
    "NOLIMIT": "a limit that is told and not kept shows when memory runs out, not in a result",
    "SHAREDQUEUE": "one instance works; that a second is the same is not asked by one expression",
    "HIDDENOPTION": "the kernel is right; another process would compile another one",
    "SWALLOWS": "tinygrad's own kernels compile: nothing is swallowed until somebody's does not",
}
