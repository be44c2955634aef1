"""The checker finds each kind of problem, and none in correct records."""

import pytest

from tests.faults.checker import (
    Acknowledged,
    Fault,
    Logged,
    Notified,
    Problem,
    check_log,
    check_versions,
    compare,
    notifications,
)


def acknowledged(
    sequence: int, key: str, action: str = "EDITED", version: int | None = None
) -> Acknowledged:
    return Acknowledged(Logged(sequence, action, version, key), document="ct_1")


def logged(*keys: str, first: int = 1) -> list[Logged]:
    return [Logged(sequence, "EDITED", None, key) for sequence, key in enumerate(keys, first)]


@pytest.mark.parametrize(
    ("received", "problems"),
    [
        ([1, 2, 3, 4], []),
        ([1, 2, 4], [(Fault.LOSS, 3)]),
        ([1, 2, 3], [(Fault.LOSS, 4)]),
        ([], [(Fault.LOSS, number) for number in (1, 2, 3, 4)]),
        ([1, 2, 2, 3, 4], [(Fault.REPEAT, 2)]),
        ([1, 2, 3, 1, 4], [(Fault.REPEAT, 1)]),
        ([1, 3, 2, 4], [(Fault.REORDER, 2)]),
        ([2, 3, 4, 1], [(Fault.REORDER, 1)]),
        ([1, 2, 3, 4, 5], [(Fault.PHANTOM, 5)]),
        (
            [1, 9, 3, 2, 2],
            [(Fault.REPEAT, 2), (Fault.PHANTOM, 9), (Fault.LOSS, 4), (Fault.REORDER, 2)],
        ),
    ],
)
def test_a_received_sequence_is_compared_with_the_expected_one(
    received: list[int], problems: list[tuple[Fault, int]]
) -> None:
    assert compare("here", [1, 2, 3, 4], received) == [
        Problem(fault, "here", item) for fault, item in problems
    ]


def test_a_log_with_every_acknowledged_write_once_has_no_problem() -> None:
    log = logged("a", "b", "left", first=7)

    assert (
        check_log(
            "log",
            log,
            7,
            [acknowledged(7, "a"), acknowledged(8, "b"), acknowledged(8, "b")],
            {"left", "never"},
        )
        == []
    )


@pytest.mark.parametrize(
    ("log", "fault"),
    [
        (logged("a"), Fault.LOSS),
        (logged("a", "b", "b"), Fault.REPEAT),
        (logged("a", "b", "left", "left"), Fault.REPEAT),
        (logged("a", "b", "unknown"), Fault.PHANTOM),
        (logged("b", "a"), Fault.DIFFERENT),
        (logged("a", "b", first=2), Fault.LOSS),
        ([*logged("a"), Logged(3, "EDITED", None, "b")], Fault.LOSS),
        (logged("a", "b")[::-1], Fault.REORDER),
        ([*logged("a"), Logged(2, "PUBLISHED", None, "b")], Fault.DIFFERENT),
    ],
)
def test_a_log_that_differs_from_the_acknowledged_writes_has_a_problem(
    log: list[Logged], fault: Fault
) -> None:
    assert fault in {
        problem.fault
        for problem in check_log(
            "log", log, 1, [acknowledged(1, "a"), acknowledged(2, "b")], {"left"}
        )
    }


def test_a_key_that_was_answered_with_two_events_is_a_problem() -> None:
    assert check_log(
        "log",
        logged("a", "b"),
        1,
        [acknowledged(1, "a"), acknowledged(2, "b"), acknowledged(2, "a")],
        set(),
    ) == [
        Problem(
            Fault.DIFFERENT, "log", (Logged(2, "EDITED", None, "a"), Logged(1, "EDITED", None, "a"))
        )
    ]


@pytest.mark.parametrize(
    ("hashes", "faults"),
    [
        ({1: "one", 2: "two"}, []),
        ({1: "one"}, [Fault.LOSS]),
        ({1: "one", 2: "other"}, [Fault.DIFFERENT]),
        ({1: "one", 2: "two", 4: "four"}, [Fault.PHANTOM, Fault.LOSS]),
    ],
)
def test_versions_must_have_the_hashes_of_the_answers(
    hashes: dict[int, str], faults: list[Fault]
) -> None:
    second = Acknowledged(Logged(5, "EDITED", 2, "b"), document="ct_1", hash="two")

    assert [problem.fault for problem in check_versions("ct_1", hashes, [second])] == faults


def test_clinics_must_be_notified_in_the_order_of_the_log() -> None:
    writes = [
        Acknowledged(
            Logged(3, "PUBLISHED", 2, "c"),
            "ct_1",
            clinics=frozenset({"B", "A"}),
            published_version=2,
        ),
        Acknowledged(
            Logged(1, "DISTRIBUTED", 1, "a"),
            "ct_1",
            clinics=frozenset({"A", "C"}),
            published_version=1,
        ),
        Acknowledged(
            Logged(3, "PUBLISHED", 2, "c"),
            "ct_1",
            clinics=frozenset({"B", "A"}),
            published_version=2,
        ),
        Acknowledged(Logged(2, "EDITED", 2, "b"), "ct_1"),
    ]

    assert notifications(writes, ["B", "A"]) == [
        Notified("A", "DISTRIBUTED", 1, "a"),
        Notified("A", "PUBLISHED", 2, "c"),
        Notified("B", "PUBLISHED", 2, "c"),
    ]
