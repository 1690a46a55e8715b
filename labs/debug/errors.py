"""The error of this room: a question that can't be asked, with what to ask instead."""

from labs.errors import LabError


class DebugError(LabError):
    """Something that a debugging tool was given and can't work with."""
