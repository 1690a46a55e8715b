"""Tensor maps: the driver's description of a tensor for the copy engine (TMA, Hopper and later)."""

import ctypes
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from labs.errors import DeviceError

if TYPE_CHECKING:
    from tinygrad import Tensor

    from labs.gpu.cuda.launch import Box


def encode(boxes: Sequence["Box"], tensors: Sequence["Tensor"]) -> "Tensor":
    """The maps of these tensors, 128 bytes each, in one buffer on their device.

    A kernel gets them as a pointer. They hold the tensors' addresses: a map is good as long as its
    tensor lives. All are of 16-bit elements, with the 128-byte swizzle.

    Raises:
        DeviceError: when the driver refuses, with its number.
    """
    from tinygrad import Tensor
    from tinygrad.runtime.autogen import cuda

    maps = [_encode(cuda, box, tensors[box.tensor]) for box in boxes]
    data = np.frombuffer(b"".join(maps), dtype=np.uint8).copy()
    return Tensor(data, device=tensors[0].device).realize()


def _encode(cuda, box: "Box", tensor: "Tensor") -> bytes:
    rank = len(box.shape)
    room = (ctypes.c_char * 192)()  # the driver wants 64-byte alignment: take the aligned part
    offset = -ctypes.addressof(room) % 64
    found = cuda.CUtensorMap.from_buffer(room, offset)
    address = tensor.uop.buffer.get_buf(str(tensor.device)).value
    status = cuda.cuTensorMapEncodeTiled(
        ctypes.byref(found),
        cuda.CU_TENSOR_MAP_DATA_TYPE_FLOAT16,  # 16 bits are copied as they are: bfloat16 as well
        rank,
        ctypes.c_void_p(address),
        (ctypes.c_uint64 * rank)(*box.shape),
        (ctypes.c_uint64 * max(rank - 1, 1))(*box.strides_bytes),
        (ctypes.c_uint32 * rank)(*box.box),
        (ctypes.c_uint32 * rank)(*[1] * rank),
        cuda.CU_TENSOR_MAP_INTERLEAVE_NONE,
        cuda.CU_TENSOR_MAP_SWIZZLE_128B,
        cuda.CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
        cuda.CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE,
    )
    if status != 0:
        raise DeviceError(
            f"describe a tensor of {box.shape} elements to the copy engine",
            expected="boxes of at most 256 elements a side and 128 bytes inside, strides of "
            "16-byte multiples",
            got=f"CUDA error {status} for {box}",
            next_step="choose a larger size: every side must hold at least one tile",
        )
    return bytes(room[offset : offset + 128])
