"""A child's program: why an OpenCL loader has no device for tinygrad; exit 0 when it has one.

    python opencl_question.py /usr/lib/x86_64-linux-gnu/libOpenCL.so.1

Run by its path with the standard library only: a broken driver may take this process with it.
tinygrad opens platform 0 only, and asks it for GPUs first (tinygrad 0.14.0, runtime/ops_cl.py).
"""

import ctypes
import sys

CL_DEVICE_TYPE_GPU, CL_DEVICE_TYPE_DEFAULT = 4, 1  # CL/cl.h


def main(loader: str) -> str:
    """The reason, empty when there is a device."""
    library = ctypes.CDLL(loader)
    count = ctypes.c_uint32()
    status = library.clGetPlatformIDs(0, None, ctypes.byref(count))
    if status != 0 or count.value == 0:
        return f"it lists no platform (status {status})"
    platforms = (ctypes.c_void_p * count.value)()
    library.clGetPlatformIDs(count, platforms, None)
    for kind in (CL_DEVICE_TYPE_GPU, CL_DEVICE_TYPE_DEFAULT):
        devices = ctypes.c_uint32()
        arguments = ctypes.c_void_p(platforms[0]), ctypes.c_uint64(kind), 0, None
        status = library.clGetDeviceIDs(*arguments, ctypes.byref(devices))
        if status == 0 and devices.value:
            return ""
    return f"its first platform has no device (status {status})"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]) or 0)
