"""What can go wrong on the microcontroller: each error names the kernel and where it happened.

They are LabErrors, and RuntimeErrors too, because tinygrad's BEAM search passes over a candidate
that raises one; running out of memory is a MemoryError, as tinygrad's allocators raise.
"""

from labs.errors import DeviceError


class EdgeFault(DeviceError, RuntimeError):
    """A kernel that the microcontroller stopped.

    `kernel` is its name; `pc` the address of the instruction; `address` the address that it
    touched, or None where no access was the cause.
    """

    kernel: str = ""
    pc: int = 0
    address: int | None = None

    def at(self, kernel: str, pc: int, address: int | None = None) -> "EdgeFault":
        """This error, with the place as data beside the text."""
        self.kernel, self.pc, self.address = kernel, pc, address
        return self

    def __reduce__(self):  # with the place: an error may come from another process
        return (*super().__reduce__(), dict(self.__dict__))


class EdgeMemoryFault(EdgeFault):
    """A read, write or jump outside the memory map, or a write to flash."""


class EdgeStackOverflow(EdgeMemoryFault):
    """The stack grew into the gap below it."""


class EdgeBudgetExceeded(EdgeFault):
    """More instructions than allowed: a loop without end, or a budget that is too small."""


class EdgeIllegalInstruction(EdgeFault):
    """An instruction that the core doesn't have, or a breakpoint."""


class EdgeOutOfMemory(DeviceError, MemoryError):
    """The data memory has no room for a buffer."""
