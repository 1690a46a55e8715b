"""What makes ELECTRICAL fast: vectors, loop choices, cores. The device is in backends/runtime."""
