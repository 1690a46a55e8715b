// A thread computes 8 x 8 elements. For each k it reads 8 + 8 numbers from shared memory into
// registers and does 64 multiply-adds with them: 4 for each number read, where one element per
// thread does one for every two.
#define TILE 128  // of C, computed by 16 x 16 threads
#define DEPTH 8   // how much of K is in shared memory at a time
#define EACH 8    // rows and columns of a thread, TILE / EACH apart: lanes stay side by side

extern "C" __global__ void __launch_bounds__(256)
matmul_register(element* C, const element* A, const element* B) {
    __shared__ float a[DEPTH][TILE + 1], b[DEPTH][TILE];  // + 1: columns fall into different banks
    const int step = TILE / EACH;
    int x = threadIdx.x % step, y = threadIdx.x / step;
    int row0 = blockIdx.y * TILE, column0 = blockIdx.x * TILE;
    float sum[EACH][EACH] = {};
    for (int k0 = 0; k0 < K; k0 += DEPTH) {
        for (int i = threadIdx.x; i < TILE * DEPTH; i += 256) {
            a[i % DEPTH][i / DEPTH] = to_float(A[(row0 + i / DEPTH) * K + k0 + i % DEPTH]);
            b[i / TILE][i % TILE] = to_float(B[(k0 + i / TILE) * N + column0 + i % TILE]);
        }
        __syncthreads();
#pragma unroll
        for (int k = 0; k < DEPTH; k++) {
            float left[EACH], right[EACH];
#pragma unroll
            for (int i = 0; i < EACH; i++) {
                left[i] = a[k][y + i * step];
                right[i] = b[k][x + i * step];
            }
#pragma unroll
            for (int i = 0; i < EACH; i++)
#pragma unroll
                for (int j = 0; j < EACH; j++) sum[i][j] += left[i] * right[j];
        }
        __syncthreads();
    }
#pragma unroll
    for (int i = 0; i < EACH; i++)
#pragma unroll
        for (int j = 0; j < EACH; j++)
            C[(row0 + y + i * step) * N + column0 + x + j * step] = to_element(sum[i][j]);
}
