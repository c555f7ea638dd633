"""A long, narrow or lossy line between a machine of a test's network and its street: two TAP devices with time between them.

    line.py MACHINE_SIDE STREET_SIDE DELAY_MS LOSS_PERCENT RATE SEED

Each packet waits DELAY_MS; of a hundred LOSS_PERCENT do not arrive; RATE bytes pass in a second, 0 for any number, and what a quarter
of a second carries waits for its turn, as in a router. All holds for each direction. It prints "ready" once both
devices are there, and at the end of its input it ends, and the devices with it. Linux's own netem would do the same, but
is not in every kernel.
"""

import collections
import fcntl
import os
import random
import select
import struct
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TAP = 0x0002
IFF_NO_PI = 0x1000

# Packets that may be under way in one direction: 4 MiB, far more than is on a line of 100 ms at film rates.
UNDER_WAY_MAX = 3000
PACKET_MAX = 65536
BATCH = 64

# What waits for its turn on a narrow line, in seconds; more is lost.
QUEUE = 0.25


def tap(name):
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return device


class Direction:
    def __init__(self, source, target, delay, loss, rate, rng):
        self.source, self.target, self.delay, self.loss, self.rate, self.rng = source, target, delay, loss, rate, rng
        self.under_way = collections.deque()
        # When the line has passed on all that was taken so far.
        self.idle_from = 0.0

    def take(self):
        for _ in range(BATCH):
            try:
                packet = os.read(self.source, PACKET_MAX)
            except BlockingIOError:
                return
            except OSError:
                # The device is down for the moment.
                return
            if self.rng.random() < self.loss or len(self.under_way) >= UNDER_WAY_MAX:
                continue
            now = time.monotonic()
            begins = max(now, self.idle_from)
            if begins - now > QUEUE:
                continue
            if self.rate:
                self.idle_from = begins + len(packet) / self.rate
                begins = self.idle_from
            self.under_way.append((begins + self.delay, packet))

    def deliver(self):
        now = time.monotonic()
        while self.under_way and self.under_way[0][0] <= now:
            try:
                os.write(self.target, self.under_way.popleft()[1])
            except OSError:
                # As a cable that is pulled out: the packet is gone.
                pass

    def due(self):
        return self.under_way[0][0] if self.under_way else None


def main():
    machine, street = tap(sys.argv[1]), tap(sys.argv[2])
    delay, loss = float(sys.argv[3]) / 1000, float(sys.argv[4]) / 100
    rate, rng = float(sys.argv[5]), random.Random(int(sys.argv[6]))
    ends = [(machine, street), (street, machine)]
    directions = [Direction(source, target, delay, loss, rate, rng) for source, target in ends]
    by_source = {direction.source: direction for direction in directions}
    poll = select.epoll()
    for source in by_source:
        poll.register(source, select.EPOLLIN)
    poll.register(sys.stdin.fileno(), select.EPOLLIN | select.EPOLLHUP)
    print("ready", flush=True)
    while True:
        dues = [due for due in (direction.due() for direction in directions) if due is not None]
        wait = max(0, min(dues) - time.monotonic()) if dues else -1
        for source, _ in poll.poll(wait):
            if source == sys.stdin.fileno():
                if not os.read(source, 4096):
                    return
            else:
                by_source[source].take()
        for direction in directions:
            direction.deliver()


main()
