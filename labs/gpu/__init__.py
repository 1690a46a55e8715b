"""Part 2: why kernels are slow, and how to make them fast, on whatever device there is."""
