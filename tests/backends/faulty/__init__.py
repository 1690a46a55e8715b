"""Small backends to test the conformance suite with: two healthy ones, and many with one fault.

Each module holds device classes; `FAULTS` in faults.py says which groups have to notice which.
They are run from here by path ("LEAK=tests/backends/faulty/memory.py"), as a reader's own would be.
"""
