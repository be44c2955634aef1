"""Pure functions that compare acknowledged writes, the log and deliveries, and list problems."""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """A kind of problem with a sequence of deliveries or with the log."""

    LOSS = "loss"
    REPEAT = "repeat"
    REORDER = "reorder"
    PHANTOM = "phantom"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem, with the item that has it and where it was found."""

    fault: Fault
    where: str
    item: object


@dataclass(frozen=True, slots=True)
class Logged:
    """An event of a log, in the form that a reader gets.

    `key` is the event's note: each write has its idempotency key as its note too.
    """

    sequence: int
    action: str
    version: int | None
    key: str


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A write that the server has answered.

    Attributes:
        logged: The event in the answer.
        document: The id of the document.
        hash: The hash of the version in the answer, if the write created one.
        clinics: The clinics that must be notified, by the writer's own records.
        published_version: The published version after the write, by the writer's own records.
    """

    logged: Logged
    document: str
    hash: str | None = None
    clinics: frozenset[str] = frozenset()
    published_version: int | None = None


@dataclass(frozen=True, slots=True)
class Notified:
    """A notification that a clinic must get."""

    clinic: str
    action: str
    published_version: int | None
    key: str


def compare(
    where: str, expected: Sequence[Hashable], received: Sequence[Hashable]
) -> list[Problem]:
    """Find the differences from receiving each expected item once, in order, and no other item."""
    positions = {item: position for position, item in enumerate(expected)}
    problems = [
        Problem(Fault.REPEAT, where, item) for item, times in Counter(received).items() if times > 1
    ]
    problems += [
        Problem(Fault.PHANTOM, where, item)
        for item in dict.fromkeys(received)
        if item not in positions
    ]
    seen = set(received)
    problems += [Problem(Fault.LOSS, where, item) for item in expected if item not in seen]
    furthest = -1
    for item in dict.fromkeys(received):
        position = positions.get(item, furthest)
        if position < furthest:
            problems.append(Problem(Fault.REORDER, where, item))
        furthest = max(furthest, position)
    return problems


def check_log(
    where: str,
    log: Sequence[Logged],
    first: int,
    acknowledged: Iterable[Acknowledged],
    abandoned: AbstractSet[str],
) -> list[Problem]:
    """Find problems in a log.

    The log must have each acknowledged write once, equal to its answer, each abandoned write at
    most once, and no other.

    Args:
        where: The name of the log, for the problems.
        log: The events in the order in which they were read, oldest first.
        first: The sequence number that the first event must have.
        acknowledged: All answers. A write that was repeated after its answer has several.
        abandoned: The keys of writes that were sent and never answered.
    """
    problems = compare(where, range(first, first + len(log)), [event.sequence for event in log])
    by_key: dict[str, Logged] = {}
    for event in log:
        if event.key in by_key:
            problems.append(Problem(Fault.REPEAT, where, event))
        by_key[event.key] = event
    answered = set()
    for write in acknowledged:
        answered.add(write.logged.key)
        found = by_key.get(write.logged.key)
        if found is None:
            problems.append(Problem(Fault.LOSS, where, write.logged))
        elif found != write.logged:
            problems.append(Problem(Fault.DIFFERENT, where, (write.logged, found)))
    problems += [
        Problem(Fault.PHANTOM, where, event)
        for event in log
        if event.key not in answered | abandoned
    ]
    return problems


def check_versions(
    where: str, hashes: Mapping[int, str], acknowledged: Iterable[Acknowledged]
) -> list[Problem]:
    """Find problems in the versions of a document.

    Their numbers must be 1, 2, 3 …, and each must have the hash in the answer to its write.
    """
    problems = compare(where, range(1, len(hashes) + 1), sorted(hashes))
    for write in acknowledged:
        if write.hash is not None and write.logged.version is not None:
            stored = hashes.get(write.logged.version)
            if stored is None:
                problems.append(Problem(Fault.LOSS, where, write.logged))
            elif stored != write.hash:
                problems.append(Problem(Fault.DIFFERENT, where, write.logged))
    return problems


def notifications(acknowledged: Iterable[Acknowledged], clinics: Iterable[str]) -> list[Notified]:
    """The notifications that clinics must get, by the writers' own records alone.

    They are in the order of the log. Those of the same event are in the order of the clinics' ids.
    """
    writes = {write.logged.sequence: write for write in acknowledged}
    ordered_clinics = sorted(clinics)
    return [
        Notified(clinic, write.logged.action, write.published_version, write.logged.key)
        for _, write in sorted(writes.items())
        for clinic in ordered_clinics
        if clinic in write.clinics
    ]
