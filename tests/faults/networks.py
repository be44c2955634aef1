"""Places that are apart: network namespaces on one bridge, between any two of which the line can be
cut.

Source: ip-netns(8), ip-neighbour(8).
"""

import os
import random
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.faults.cluster import Place

_NOBODY = "02:00:00:00:00:00"


class Network:
    """The places, and which lines are cut."""

    def __init__(self, names: list[str], hosts: list[str]) -> None:
        self.places = [
            Place(host, ("ip", "netns", "exec", name))
            for name, host in zip(names, hosts, strict=True)
        ]
        self._name = dict(zip(self.places, names, strict=True))
        self._cut: list[tuple[Place, Place]] = []

    def cut(self, one: Place, *others: Place) -> None:
        """Let what one place and others send each other go nowhere: nobody is told so, as when a
        cable is drawn.
        """
        for other in others:
            for at, to in ((one, other), (other, one)):
                _ip(
                    "-n",
                    self._name[at],
                    "neighbour",
                    "replace",
                    to.host,
                    "lladdr",
                    _NOBODY,
                    "dev",
                    "line",
                    "nud",
                    "permanent",
                )
            self._cut.append((one, other))

    def heal(self) -> None:
        """Mend all lines."""
        for one, other in self._cut:
            for at, to in ((one, other), (other, one)):
                _ip("-n", self._name[at], "neighbour", "delete", to.host, "dev", "line")
        self._cut.clear()


@contextmanager
def network(count: int) -> Iterator[Network]:
    """So many places, reached from here and from each other, until the end of the block; skips the
    test where they can't be made.

    All is made on this machine, and nothing of it is reached from outside.
    """
    if os.geteuid() != 0:
        pytest.skip("network namespaces can only be made by root")
    mark = f"ct{os.getpid()}"
    names = [f"{mark}-{number}" for number in range(count)]
    taken = subprocess.run(
        ["ip", "-4", "route"], capture_output=True, text=True, check=False
    ).stdout
    # 198.18.0.0/15 is set aside for tests of networks (RFC 2544): no machine has one of its
    # addresses.
    subnet = next(
        net
        for net in (f"198.18.{random.SystemRandom().randrange(256)}" for _ in range(100))
        if f" {net}." not in f" {taken}"
    )
    hosts = [f"{subnet}.{number + 10}" for number in range(count)]
    try:
        _make(mark, f"{subnet}.1/24", names, hosts)
    except (OSError, subprocess.CalledProcessError) as error:
        _remove(mark, names)
        pytest.skip(f"network namespaces can't be made: {getattr(error, 'stderr', None) or error}")
    try:
        yield Network(names, hosts)
    finally:
        _remove(mark, names)


def _make(bridge: str, address: str, names: list[str], hosts: list[str]) -> None:
    _ip("link", "add", bridge, "type", "bridge")
    _ip("address", "add", address, "dev", bridge)
    _ip("link", "set", bridge, "up")
    for name, host in zip(names, hosts, strict=True):
        _ip("netns", "add", name)
        _ip("link", "add", name, "type", "veth", "peer", "name", "line", "netns", name)
        _ip("link", "set", name, "master", bridge, "up")
        _ip("-n", name, "address", "add", f"{host}/24", "dev", "line")
        _ip("-n", name, "link", "set", "line", "up")
        _ip("-n", name, "link", "set", "lo", "up")


def _remove(bridge: str, names: list[str]) -> None:
    for name in names:
        subprocess.run(["ip", "link", "delete", name], capture_output=True, check=False)
        subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
    subprocess.run(["ip", "link", "delete", bridge], capture_output=True, check=False)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], capture_output=True, text=True, check=True)
