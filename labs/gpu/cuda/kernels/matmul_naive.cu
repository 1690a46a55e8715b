// One thread computes one element of C[M][N] = A[M][K] @ B[K][N], all row-major.
// Neighbouring threads of a warp take neighbouring ROWS: the 32 lanes read A, and write C, K (or N)
// elements apart, so every lane touches a memory sector of its own.
extern "C" __global__ void __launch_bounds__(256)
matmul_naive(element* C, const element* A, const element* B) {
    int row = blockIdx.y * 32 + threadIdx.x % 32;
    int column = blockIdx.x * 8 + threadIdx.x / 32;
    float sum = 0;
    for (int k = 0; k < K; k++) sum += to_float(A[row * K + k]) * to_float(B[k * N + column]);
    C[row * N + column] = to_element(sum);
}
