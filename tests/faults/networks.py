"""Network namespaces on one bridge. A test can cut the connection between any two of them.

Source: ip-netns(8), ip-neighbour(8).
"""

import os
import random
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.faults.cluster import Place

_UNUSED_ADDRESS = "02:00:00:00:00:00"


class Network:
    """The places, and the connections between them that are cut."""

    def __init__(self, names: list[str], hosts: list[str]) -> None:
        self.places = [
            Place(host, ("ip", "netns", "exec", name))
            for name, host in zip(names, hosts, strict=True)
        ]
        self._name = dict(zip(self.places, names, strict=True))
        self._cut: list[tuple[Place, Place]] = []

    def cut(self, place: Place, *others: Place) -> None:
        """Drop all packets between a place and others, without notice, like an unplugged cable."""
        for other in others:
            for at, to in ((place, other), (other, place)):
                _ip(
                    "-n",
                    self._name[at],
                    "neighbour",
                    "replace",
                    to.host,
                    "lladdr",
                    _UNUSED_ADDRESS,
                    "dev",
                    "line",
                    "nud",
                    "permanent",
                )
            self._cut.append((place, other))

    def heal(self) -> None:
        """Restore all connections."""
        for place, other in self._cut:
            for at, to in ((place, other), (other, place)):
                _ip("-n", self._name[at], "neighbour", "delete", to.host, "dev", "line")
        self._cut.clear()


@contextmanager
def network(count: int) -> Iterator[Network]:
    """A number of places that reach each other and are reached from here, for one block.

    Everything is created on this machine and cannot be reached from outside. Skips the test if the
    namespaces cannot be created.
    """
    if os.geteuid() != 0:
        pytest.skip("network namespaces can only be created by root")
    mark = f"ct{os.getpid()}"
    names = [f"{mark}-{number}" for number in range(count)]
    taken = subprocess.run(
        ["ip", "-4", "route"], capture_output=True, text=True, check=False
    ).stdout
    # 198.18.0.0/15 is reserved for network tests (RFC 2544), so no machine has such an address.
    subnet = next(
        net
        for net in (f"198.18.{random.SystemRandom().randrange(256)}" for _ in range(100))
        if f" {net}." not in f" {taken}"
    )
    hosts = [f"{subnet}.{number + 10}" for number in range(count)]
    try:
        _create(mark, f"{subnet}.1/24", names, hosts)
    except (OSError, subprocess.CalledProcessError) as error:
        _remove(mark, names)
        reason = getattr(error, "stderr", None) or error
        pytest.skip(f"network namespaces cannot be created: {reason}")
    try:
        yield Network(names, hosts)
    finally:
        _remove(mark, names)


def _create(bridge: str, address: str, names: list[str], hosts: list[str]) -> None:
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
