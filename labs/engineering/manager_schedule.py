"""Who computes which batch: shares by speed, stealing, and what becomes of a device's work when it
fails. Pure bookkeeping: no process, no clock, so that every rule can be tested.

Each batch is in one of three places: waiting in the share of some device, in the hands of a device,
or done. It leaves a device's hands either done or back to waiting, and is done once.
"""

from collections import deque
from collections.abc import Iterable, Mapping

# how much of the newest time goes into a device's estimate: three batches forget the first half
_NEWEST_SHARE = 0.25


class Schedule:
    """The state of one run over batches 0 ... count - 1.

    Args:
        seconds_each: the device's expected time for one batch; None where nothing is known yet.
        hold: batches that a device may have in its hands: one in work, the others waiting there.
        steal: whether a device that is done takes from another's share.
    """

    def __init__(
        self,
        count: int,
        seconds_each: Mapping[str, float | None],
        *,
        hold: int = 2,
        steal: bool = True,
    ) -> None:
        self.count, self.hold, self.steal = count, hold, steal
        self.seconds: dict[str, float | None] = dict(seconds_each)
        self.held: dict[str, list[int]] = {device: [] for device in seconds_each}
        self.done: dict[int, str] = {}
        self.stolen = 0
        self._waiting = _shares(range(count), self.seconds)

    @property
    def devices(self) -> tuple[str, ...]:
        """Those that are still at work."""
        return tuple(self.held)

    @property
    def finished(self) -> bool:
        return len(self.done) == self.count

    @property
    def waiting(self) -> int:
        """Batches that nobody has in hand."""
        return sum(map(len, self._waiting.values()))

    def take(self, device: str) -> int | None:
        """The next batch for a device, now in its hands; None when it should wait or is full.

        A slow device is not given the last batches, when the others would finish all that is
        left sooner.
        """
        if device not in self.held or len(self.held[device]) >= self.hold:
            return None
        if not self.waiting or not self._worth_it(device):
            return None
        index = self._from_own(device)
        if index is None:
            index = self._stolen_for(device)
        if index is not None:
            self.held[device].append(index)
        return index

    def finish(self, device: str, index: int, seconds: float | None = None) -> bool:
        """A device delivers a batch. False when it isn't wanted: the device was given up before.

        Args:
            seconds: what the batch took there; None when that says nothing (a first call that
                compiles).
        """
        if index not in self.held.get(device, ()) or index in self.done:
            return False
        self.held[device].remove(index)
        self.done[index] = device
        if seconds is not None:
            before = self.seconds[device]
            share = _NEWEST_SHARE
            self.seconds[device] = (
                seconds if before is None else (1 - share) * before + share * seconds
            )
        return True

    def give_up(self, device: str) -> tuple[int, ...]:
        """Takes a device out; what it had goes to the others. Returns what it had in its hands."""
        held = tuple(self.held.pop(device, ()))
        left = [*held, *self._waiting.pop(device, ())]
        self.seconds.pop(device, None)
        if self.held:
            for other, share in _shares(sorted(left), self.seconds).items():
                self._waiting[other] = deque(sorted([*self._waiting[other], *share]))
        else:
            self._waiting[""] = deque(sorted(left))  # nobody is left to do them
        return held

    def _from_own(self, device: str) -> int | None:
        own = self._waiting.get(device)
        return own.popleft() if own else None

    def _stolen_for(self, device: str) -> int | None:
        """From the end of the share that would take its owner longest."""
        if not self.steal:
            return None
        victims = [d for d in self._waiting if self._waiting[d]]
        if not victims:
            return None
        victim = max(victims, key=lambda d: len(self._waiting[d]) * (self.seconds.get(d) or 1.0))
        self.stolen += 1
        return self._waiting[victim].pop()

    def _worth_it(self, device: str) -> bool:
        """Whether the device would be done with one more before the others were done with all."""
        mine = self.seconds[device]
        others = [d for d in self.held if d != device]
        if mine is None or not others or not self.steal:
            return True
        if any(self.seconds[d] is None for d in others):
            return True
        speed = sum(1 / self.seconds[d] for d in others)
        theirs = (self.waiting + sum(len(self.held[d]) for d in others)) / speed
        slowest_step = max(self.seconds[d] for d in others)
        return (len(self.held[device]) + 1) * mine <= max(theirs, slowest_step)


def equal_shares(count: int, devices: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """The naive split: as many batches for each device, whatever its speed."""
    return {d: tuple(q) for d, q in _shares(range(count), dict.fromkeys(devices)).items()}


def _shares(batches: Iterable[int], seconds: Mapping[str, float | None]) -> dict[str, deque[int]]:
    """Neighbouring batches for each device, in proportion to its speed; equal ones when unknown."""
    batches, devices = list(batches), list(seconds)
    known = all(seconds.values())
    speeds = [1 / seconds[d] if known else 1.0 for d in devices]
    shares, start, total, speed = {}, 0, len(batches), 0.0
    for device, each in zip(devices, speeds, strict=True):
        speed += each
        end = round(total * speed / sum(speeds))
        shares[device] = deque(batches[start:end])
        start = end
    return shares
