// A block of 32 x 32 threads loads a 32 x 32 tile of A and of B into shared memory once, and every
// element of them is then used 32 times from there: 32 times less traffic to the caches.
#define TILE 32

extern "C" __global__ void __launch_bounds__(TILE * TILE)
matmul_shared(element* C, const element* A, const element* B) {
    __shared__ float a[TILE][TILE], b[TILE][TILE];
    int x = threadIdx.x % TILE, y = threadIdx.x / TILE;
    int row = blockIdx.y * TILE + y, column = blockIdx.x * TILE + x;
    float sum = 0;
    for (int k0 = 0; k0 < K; k0 += TILE) {
        a[y][x] = to_float(A[row * K + k0 + x]);
        b[y][x] = to_float(B[(k0 + y) * N + column]);
        __syncthreads();  // the tiles are complete
#pragma unroll
        for (int k = 0; k < TILE; k++) sum += a[y][k] * b[k][x];
        __syncthreads();  // everybody is done with them
    }
    C[row * N + column] = to_element(sum);
}
