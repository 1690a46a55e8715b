"""Hand-written CUDA kernels on tinygrad's buffers: compiled by NVRTC, launched by tinygrad.

    from labs.gpu import cuda
    c = cuda.matmul(a, b, rung="hopper")            # a, b: float16 tensors on CUDA

`source.py` puts a kernel's text together, `launch.py` compiles it and runs it on tensors,
`matmul.py` and `stream.py` say how each kernel is launched, `ladder.py` measures them one after the
other. The kernels are in `kernels/`, to be read.
"""
