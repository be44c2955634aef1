"""What must hold between what was acknowledged, what the log says, and what was delivered: pure
functions that answer what is wrong.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """What can be wrong with a sequence of deliveries, or with the log."""

    LOSS = "loss"
    REPEAT = "repeat"
    REORDER = "reorder"
    PHANTOM = "phantom"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where it was seen."""

    fault: Fault
    where: str
    item: object


@dataclass(frozen=True, slots=True)
class Logged:
    """One event of a log, as a reader has it.

    `key` is its note: each write has its idempotency key there too.
    """

    sequence: int
    action: str
    version: int | None
    key: str


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """One write that was answered: what the answer said of its event, and what it meant for clinics
    by the writer's own book-keeping.
    """

    logged: Logged
    document: str
    hash: str | None = None
    clinics: frozenset[str] = frozenset()
    in_force: int | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """One notification, as a clinic must get it."""

    clinic: str
    action: str
    in_force: int | None
    key: str


def compare(where: str, expected: Sequence[Hashable], got: Sequence[Hashable]) -> list[Problem]:
    """Whether exactly what was expected came, once, in order."""
    places = {item: place for place, item in enumerate(expected)}
    problems = [
        Problem(Fault.REPEAT, where, item) for item, times in Counter(got).items() if times > 1
    ]
    problems += [
        Problem(Fault.PHANTOM, where, item) for item in dict.fromkeys(got) if item not in places
    ]
    seen = set(got)
    problems += [Problem(Fault.LOSS, where, item) for item in expected if item not in seen]
    furthest = -1
    for item in dict.fromkeys(got):
        place = places.get(item, furthest)
        if place < furthest:
            problems.append(Problem(Fault.REORDER, where, item))
        furthest = max(furthest, place)
    return problems


def check_log(
    where: str,
    log: Sequence[Logged],
    first: int,
    acknowledged: Iterable[Acknowledged],
    abandoned: AbstractSet[str],
) -> list[Problem]:
    """Whether the log has each acknowledged write once and as it was answered, each abandoned one
    at most once, and no other.

    Args:
        where: Whose log it is.
        log: In the order read, oldest first.
        first: The number that its first event must have.
        acknowledged: All answers; a write that was asked for again after its answer has several.
        abandoned: Keys of the writes that were asked for and never answered.
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
    """Whether a document's versions run 1, 2, 3 …, and hold what each acknowledged write was told."""
    problems = compare(where, range(1, len(hashes) + 1), sorted(hashes))
    for write in acknowledged:
        if write.hash is not None and write.logged.version is not None:
            kept = hashes.get(write.logged.version)
            if kept is None:
                problems.append(Problem(Fault.LOSS, where, write.logged))
            elif kept != write.hash:
                problems.append(Problem(Fault.DIFFERENT, where, write.logged))
    return problems


def notifications(acknowledged: Iterable[Acknowledged], clinics: Iterable[str]) -> list[Told]:
    """What some clinics must be told, by the writers' book-keeping alone: in the order of the log,
    for one event by clinic.
    """
    writes = {write.logged.sequence: write for write in acknowledged}
    among = sorted(clinics)
    return [
        Told(clinic, write.logged.action, write.in_force, write.logged.key)
        for _, write in sorted(writes.items())
        for clinic in among
        if clinic in write.clinics
    ]
