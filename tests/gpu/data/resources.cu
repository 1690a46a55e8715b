// Kernels whose resources are plain to see, for the tests of labs.gpu.cubin. Compiled with
// --gpu-architecture=sm_80 or sm_90: *.cubin by NVRTC 13.5, *_cuda12.cubin by 12.9.

extern "C" __global__ void scale(float* out, const float* in, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) out[i] = in[i] * 2.0f;
}

extern "C" __global__ void __launch_bounds__(256) tile_sum(float* out, const float* in) {
  __shared__ float tile[1024];
  for (int k = 0; k < 4; k++) tile[threadIdx.x + 256 * k] = in[blockIdx.x * 1024 + threadIdx.x + 256 * k];
  __syncthreads();
  float sum = 0.0f;
  for (int k = 0; k < 1024; k += 256) sum += tile[(threadIdx.x * 5 + k) & 1023];
  out[blockIdx.x * 256 + threadIdx.x] = sum;
}

extern "C" __global__ void looked_up(float* out, const int* index) {
  float table[64];
  for (int k = 0; k < 64; k++) table[k] = k * 0.5f + out[k];
  out[threadIdx.x] = table[index[threadIdx.x] & 63];
}

extern "C" __global__ void __launch_bounds__(1024, 2) crowded(float* out, const float* in) {
  float v[48];
  #pragma unroll
  for (int k = 0; k < 48; k++) v[k] = in[threadIdx.x + 1024 * k];
  __syncthreads();
  #pragma unroll
  for (int r = 0; r < 3; r++) {
    #pragma unroll
    for (int k = 0; k < 48; k++) v[k] = v[k] * v[(k * 7 + r + 1) % 48] + 1.0f;
  }
  float sum = 0.0f;
  #pragma unroll
  for (int k = 0; k < 48; k++) { out[threadIdx.x + 1024 * k] = v[k]; sum += v[k]; }
  out[threadIdx.x] = sum;
}
