"""What makes ELECTRICAL fast: vectors, loop choices, threads. Its device is runtime/ops_electrical.py."""
