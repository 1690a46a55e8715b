"""A source's samples in one piece."""

import numpy as np

from labs.electrical.blocks import values


def joined(source, length=65_536):
    """[channel, n] float32 in the channels' units, lost samples left out."""
    return np.concatenate([values(b, source.channels) for b in source.blocks(length)], axis=1)


def counts(source, length=65_536):
    return np.concatenate([b.samples for b in source.blocks(length)], axis=1)
