"""Simulated time that travels with real messages: exact where a stopwatch would measure noise."""

import torch

from bigmodel_utils.arguments import integer, real, tensor

__all__ = ["Clock"]


class Clock:
    """The simulated time of one process of a group, its messages and what it did when.

    Every process makes a clock of its own. A message is really sent; the simulated moment at which
    it arrives goes with it, and who receives it cannot go on before that moment. A message of b
    bytes occupies its sender's outgoing link for b * ``seconds_per_byte`` and arrives ``latency``
    later. The process itself goes on at once, so that sending overlaps with computing. So the
    times follow from the program alone, the same on every machine and in every run.

    Args:
        latency: seconds on the way for a message of any size (alpha).
        seconds_per_byte: one over the bandwidth (beta).

    Attributes:
        now: simulated seconds since the start.
        bytes_sent: of all messages so far, without the times that go with them.
        events: list of (what, start, end), in order, of what ``compute`` was asked for.
    """

    def __init__(self, latency=0.0, seconds_per_byte=0.0):
        self.latency = real("latency", latency, minimum=0)
        self.seconds_per_byte = real("seconds_per_byte", seconds_per_byte, minimum=0)
        self.now = 0.0
        self.bytes_sent = 0
        self.events = []
        self._link_free = 0.0
        self._leaving = []  # gloo wants a message kept until it has left

    def compute(self, seconds, what=""):
        """Let ``seconds`` pass, as if something that takes so long were computed."""
        start = self.now
        self.now += real("seconds", seconds, minimum=0)
        self.events.append((what, start, self.now))

    def send(self, x, dst):
        """Send the tensor ``x`` to rank ``dst``, without waiting for it to be received."""
        from torch import distributed

        x = tensor("x", x).detach().contiguous()
        dst = integer("dst", dst, minimum=0, maximum=distributed.get_world_size() - 1)
        size = x.numel() * x.element_size()
        departure = max(self.now, self._link_free)
        self._link_free = departure + size * self.seconds_per_byte
        arrival = torch.tensor([self._link_free + self.latency], dtype=torch.float64)
        self.bytes_sent += size
        self._leaving = [pair for pair in self._leaving if not pair[0].is_completed()]
        for part in (arrival, x.clone()):  # the caller may go on to change x
            self._leaving.append((distributed.isend(part, dst), part))

    def receive(self, out, src):
        """Fill the tensor ``out`` with the next message from rank ``src`` and return it."""
        from torch import distributed

        tensor("out", out)
        src = integer("src", src, minimum=0, maximum=distributed.get_world_size() - 1)
        arrival = torch.empty(1, dtype=torch.float64)
        distributed.recv(arrival, src)
        distributed.recv(out, src)
        self.now = max(self.now, arrival.item())
        return out

    def wait(self):
        """Wait until every message sent has left. Call it at the end of a function."""
        for handle, _ in self._leaving:
            handle.wait()
        self._leaving = []
