"""Incomplete, changed or duplicate history files are refused, with the reason."""

from pathlib import Path

import pytest

from resolvers.exports.import_ import replay
from store.transfer.event_details import INTERVAL_COLLECTIONS
from store.transfer.replay import ReplayRefused
from tests.api.history_files import export_history
from tests.callers import LINDEN, STOCKHOLM
from tests.exporting import fetched
from tests.world import World


async def refusal_of_replay(world: World, versions: Path, events: Path) -> str:
    """The reason why a replay into an empty registry is refused.

    The history of the principals is deleted from the database first.
    """
    database = world.api.store.database
    for name in (*INTERVAL_COLLECTIONS, "events", "versions", "documents", "clinics"):
        await database[name].delete_many({})
    with pytest.raises(ReplayRefused) as refusal:
        await replay(world.api.store, versions, events)
    return str(refusal.value)


async def test_a_registry_with_a_history_refuses_an_import(world: World, tmp_path: Path) -> None:
    files = await export_history(world.region, tmp_path, STOCKHOLM)
    before = await world.api.snapshot()

    with pytest.raises(ReplayRefused, match="has events of SE2321000016 already"):
        await replay(world.api.store, *files)

    assert await world.api.snapshot() == before


async def test_a_log_with_a_gap_is_refused(world: World, tmp_path: Path) -> None:
    versions, events = await export_history(world.region, tmp_path, STOCKHOLM)
    lines = events.read_bytes().splitlines(keepends=True)
    events.write_bytes(b"".join(lines[:1] + lines[2:]))

    assert (
        await refusal_of_replay(world, versions, events)
        == f"Event ev_{STOCKHOLM}.3 is where number 2 of {STOCKHOLM} should be."
    )


async def test_a_changed_version_is_detected(world: World, tmp_path: Path) -> None:
    versions, events = await export_history(world.region, tmp_path, STOCKHOLM)
    versions.write_bytes(
        versions.read_bytes().replace("Här kan du".encode(), "Här kan ni".encode())
    )

    assert (
        await refusal_of_replay(world, versions, events)
        == f"{world.case_type} is broken at version 1."
    )


async def test_a_missing_version_is_detected(world: World, tmp_path: Path) -> None:
    await world.edit(world.case_type, 1, introduction="Nytt.")
    versions, events = await export_history(world.region, tmp_path, STOCKHOLM)
    versions.write_bytes(versions.read_bytes().splitlines(keepends=True)[1])

    assert (
        await refusal_of_replay(world, versions, events)
        == f"{world.case_type} has versions without events, or events without versions."
    )


async def test_a_missing_draft_is_detected(world: World, tmp_path: Path) -> None:
    await world.edit(world.case_type, 1, introduction="Nytt.")
    versions, events = await export_history(world.region, tmp_path, STOCKHOLM)
    versions.write_bytes(versions.read_bytes().splitlines(keepends=True)[0])

    assert (
        await refusal_of_replay(world, versions, events)
        == f"Event ev_{STOCKHOLM}.4 names version 2 of {world.case_type}, which is missing."
    )


@pytest.mark.parametrize("kept", [1, 4])
async def test_a_log_cut_off_between_two_rows_is_refused(
    world: World, tmp_path: Path, kept: int
) -> None:
    """Events that wrote no version leave no other trace."""
    await world.distribute(world.case_type)
    await world.region.done(
        "caseTypeWithdraw", "clinics", caseType=world.case_type, **{"from": {"hsaIds": [LINDEN]}}
    )
    versions, events = await export_history(world.region, tmp_path, STOCKHOLM)
    events.write_bytes(b"".join(events.read_bytes().splitlines(keepends=True)[:kept]))

    assert await refusal_of_replay(world, versions, events) == (
        f"The events of {STOCKHOLM} end with number {kept}, but there are 5: the file was cut off."
    )


async def test_a_duplicate_version_is_refused(world: World, tmp_path: Path) -> None:
    versions, events = await export_history(world.region, tmp_path, STOCKHOLM)
    versions.write_bytes(versions.read_bytes() * 2)

    assert (
        await refusal_of_replay(world, versions, events)
        == f"{world.case_type}.1 of versions is there twice."
    )


async def test_events_without_details_are_refused(world: World, tmp_path: Path) -> None:
    versions, _ = await export_history(world.region, tmp_path, STOCKHOLM)
    plain = tmp_path / "plain.ndjson"
    plain.write_bytes((await fetched(world.region, "events.ndjson")).content)

    assert (
        "the column detail is missing or empty. Export it with detail=true"
        in await refusal_of_replay(world, versions, plain)
    )
