// The same, but neighbouring threads take neighbouring COLUMNS: the 32 lanes read 32 elements of B
// that lie side by side, one element of A together, and write C side by side.
extern "C" __global__ void __launch_bounds__(256)
matmul_coalesced(element* C, const element* A, const element* B) {
    int row = blockIdx.y * 8 + threadIdx.x / 32;
    int column = blockIdx.x * 32 + threadIdx.x % 32;
    float sum = 0;
    for (int k = 0; k < K; k++) sum += to_float(A[row * K + k]) * to_float(B[k * N + column]);
    C[row * N + column] = to_element(sum);
}
