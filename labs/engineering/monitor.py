"""A live monitor: what the devices of this process do while other code runs, from a thread beside.

    with Monitor() as monitor:
        train()
    monitor.recording().to_csv("run.csv")

It reads counters that tinygrad keeps anyway, and sensors; it runs nothing on a device. Each monitor
takes its own differences, so several can watch at once. A sensor that fails is recorded as missing
with the reason, and asked again later; the others go on.

It costs work that keeps a device busy well under 2%. Where Python itself is busy all the time, with
launching kernels that take microseconds, the two threads wait for one interpreter lock: there it
costs 20% (`benchmarks/monitor_overhead.py`). Watch such work at a lower `rate_hz`.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from types import TracebackType

from labs.engineering.monitor_sources import Readings, Source, default_sources
from labs.engineering.recording import Recording, Sample
from labs.errors import LabError

RATE_HZ = 10.0
FASTEST_HZ = 50.0  # beyond, reading the counters would be work of its own
CAPACITY = 6000  # samples: 10 minutes at 10 Hz
_JOIN_S = 5.0

Subscriber = Callable[[Sample], object]


class Monitor:
    """Samples in a background thread until it is stopped; the last `capacity` samples are kept.

    Args:
        rate_hz: samples per second, up to 50.
        capacity: of the ring buffer, in samples.
        sources: name -> source; those of `default_sources()` when None. A source answers with
            values and reasons; see `monitor_sources`.

    Raises:
        LabError: for a rate or a capacity that can't be.
    """

    def __init__(
        self,
        *,
        rate_hz: float = RATE_HZ,
        capacity: int = CAPACITY,
        sources: Mapping[str, Source] | None = None,
    ) -> None:
        if not 0 < rate_hz <= FASTEST_HZ or capacity < 1:
            raise LabError(
                "monitor",
                expected=f"a rate above 0, up to {FASTEST_HZ:g} Hz, and room for a sample",
                got=f"rate_hz={rate_hz!r}, capacity={capacity!r}",
                next_step="10 Hz and the capacity's default suit a notebook",
            )
        self.rate_hz, self.capacity = float(rate_hz), int(capacity)
        self._make = default_sources if sources is None else (lambda: dict(sources))
        self._sources: dict[str, Source] = {}
        self._samples: deque[Sample] = deque(maxlen=self.capacity)
        self._dropped = 0
        self._subscribers: dict[int, Subscriber] = {}
        self._subscriber_errors: list[str] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._began_s, self._watched_s, self._own_cpu_s = 0.0, 0.0, 0.0

    @property
    def running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    @property
    def samples(self) -> tuple[Sample, ...]:
        """What the ring buffer holds, oldest first."""
        with self._lock:
            return tuple(self._samples)

    @property
    def own_cpu_share(self) -> float | None:
        """Of one processor, spent in the sampling thread itself; None before the first sample."""
        watched = self._watched()
        return self._own_cpu_s / watched if watched else None

    def start(self) -> "Monitor":
        """Begin. What an earlier start recorded is kept, with its times.

        Raises:
            LabError: when it is running already.
        """
        if self.running:
            raise LabError(
                "start the monitor",
                expected="a monitor that isn't running",
                got="it has been running since its start()",
                next_step="stop() it first, or start another Monitor: several may run at once",
            )
        self._sources = self._make()
        self._stop.clear()
        self._began_s = time.monotonic()
        if not self._samples:
            self._origin_s = self._began_s
        self._thread = threading.Thread(target=self._work, name="device monitor", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> "Monitor":
        """End, after the sample that is being taken; stopping twice is no error."""
        thread = self._thread
        if thread is not None:
            self._stop.set()
            if thread is not threading.current_thread():  # a subscriber may stop the monitor
                thread.join(_JOIN_S)
        return self

    def __enter__(self) -> "Monitor":
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call this with each new sample, on the monitor's thread; returns what ends it.

        A subscriber that raises is not called again; the recording's notes say so.
        """
        with self._lock:
            key = max(self._subscribers, default=0) + 1
            self._subscribers[key] = subscriber

        def unsubscribe() -> None:
            with self._lock:
                self._subscribers.pop(key, None)

        return unsubscribe

    def recording(self) -> Recording:
        """What was seen so far, frozen."""
        with self._lock:
            samples, errors = tuple(self._samples), tuple(self._subscriber_errors)
            dropped = self._dropped
        notes = errors
        if dropped:
            notes += (f"{dropped} older samples left the ring buffer of {self.capacity}",)
        return Recording(samples, self.rate_hz, self.own_cpu_share, notes)

    # **************** the thread ****************

    def _work(self) -> None:
        period, clock = 1 / self.rate_hz, time.monotonic
        cpu_before = time.thread_time()
        earlier_cpu_s = self._own_cpu_s
        due = clock()
        self._take(due)  # so that every source has a first reading to take differences from
        while not self._stop.wait(max(0.0, due + period - clock())):
            # a sample that comes late doesn't make the next ones hurry
            due = max(due + period, clock() - period)
            self._take(clock())
            self._own_cpu_s = earlier_cpu_s + time.thread_time() - cpu_before
        self._take(clock())  # what has happened since the last one would be lost
        self._own_cpu_s = earlier_cpu_s + time.thread_time() - cpu_before
        self._watched_s += clock() - self._began_s
        self._began_s = 0.0

    def _take(self, now: float) -> None:
        values: dict[str, float] = {}
        reasons: dict[str, str] = {}
        memory: dict[str, int] = {}
        for name, source in self._sources.items():
            try:
                found: Readings = source(now)
            except Exception as error:  # a sensor or a driver may raise anything, at any time
                found = Readings(reasons={name: f"{type(error).__name__}: {error}"})
            values |= found.values
            reasons |= found.reasons
            memory |= found.memory_bytes
        sample = Sample(now - self._origin_s, time.time(), values, memory, reasons)
        with self._lock:
            self._dropped += len(self._samples) == self.capacity
            self._samples.append(sample)
            subscribers = list(self._subscribers.items())
        for key, subscriber in subscribers:
            try:
                subscriber(sample)
            except Exception as error:
                with self._lock:
                    self._subscribers.pop(key, None)
                    text = f"a subscriber failed and is no longer called: {error!r}"
                    self._subscriber_errors.append(text)

    def _watched(self) -> float:
        now = time.monotonic() - self._began_s if self._began_s else 0.0
        return self._watched_s + now
