"""The examples run in real processes against the running application."""

import asyncio
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from tests.callers import BJORKEN, LINDEN, Caller
from tests.node import NODE
from tests.wire import wire
from tests.world import CONTENT, World

EXAMPLES = Path(__file__).parent.parent / "examples"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def _accept_ctrl_c() -> None:
    # Background jobs of a shell ignore SIGINT, and so would the processes that they start.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@asynccontextmanager
async def running(example: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """An example's process that runs until the end of the block."""
    program = [str(NODE)] if example.endswith(".mjs") else [sys.executable]
    process = await asyncio.create_subprocess_exec(
        *program,
        str(EXAMPLES / example if "/" not in example else example),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=_accept_ctrl_c,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def printed(process: asyncio.subprocess.Process) -> str:
    """The next line of the process's output."""
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), 20)).decode().rstrip()
    assert line, (await process.communicate())[1].decode()
    return line


async def interrupted(process: asyncio.subprocess.Process) -> str:
    """End the process with Ctrl-C. Returns its remaining output."""
    process.send_signal(signal.SIGINT)
    out, err = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0, err.decode()
    return out.decode()


@pytest.fixture(params=["clinic_listener.py", "clinic_listener.mjs"])
def example(request: pytest.FixtureRequest, npm_packages: Path, tmp_path: Path) -> str:
    """The listener in Python and in JavaScript. The latter is copied next to its packages."""
    name: str = request.param
    if name.endswith(".py"):
        return name
    (tmp_path / "node_modules").symlink_to(npm_packages)
    return str(shutil.copy(EXAMPLES / name, tmp_path / name))


def listener(
    example: str, url: str, caller: Caller, cursor: Path, *clinics: str
) -> tuple[str, ...]:
    assert caller.token is not None
    return (
        example,
        "--url",
        url.replace("http", "ws", 1),
        "--token",
        caller.token,
        "--cursor",
        str(cursor),
        *clinics,
    )


def columns_of(line: str) -> list[str]:
    """The columns of a line of a listener, without the time."""
    time, *columns = line.split(" | ")
    assert re.fullmatch(TIME, time)
    return columns


async def test_a_listener_starts_with_all_unacknowledged_notifications(
    world: World, tmp_path: Path, example: str
) -> None:
    await world.distribute(world.case_type)

    async with running(
        *listener(example, world.api.url, world.region, tmp_path / "cursor", BJORKEN, LINDEN)
    ) as process:
        lines = [await printed(process), await printed(process)]

    by = "by REGIONAL_ADMINISTRATOR, Region Stockholm"
    assert [columns_of(line) for line in lines] == [
        [clinic, "DISTRIBUTED", "Förnya recept", "version 1", "residents notice", by]
        for clinic in ("Vårdcentralen Björken", "Vårdcentralen Linden")
    ]


async def test_a_listener_that_is_killed_and_restarted_gets_exactly_what_it_missed(
    world: World, tmp_path: Path, example: str
) -> None:
    cursor = tmp_path / "cursor"
    start = listener(example, world.api.url, world.staff, cursor, BJORKEN)
    await world.distribute(world.case_type)
    async with running(*start) as process:
        first = await printed(process)
        process.kill()
        await process.wait()
    # If it was killed before it saved the cursor, it prints the first notification again.
    repeated = [] if cursor.exists() else [first]
    await world.edit(world.case_type, 1, publish=True, introduction="Nytt.", note="Kortare text")
    await world.edit(world.case_type, 2, publish=True, internalName="Recept")

    async with running(*start) as process:
        missed = [await printed(process) for _ in range(len(repeated) + 2)]
        await world.edit(
            world.case_type, 3, publish=True, name="Förnya läkemedel", onContactCard=True
        )
        live = await printed(process)
        rest = await interrupted(process)

    name = ["Vårdcentralen Björken", "PUBLISHED", "Förnya recept"]
    by = "by REGIONAL_ADMINISTRATOR, Region Stockholm"
    assert columns_of(first)[1] == "DISTRIBUTED"
    assert missed[: len(repeated)] == repeated
    assert [columns_of(line) for line in missed[len(repeated) :]] == [
        [*name, "version 1 → 2", "changed: Introduktion", "residents notice", by, "Kortare text"],
        [*name, "version 2 → 3", "changed: Internt namn", "staff only", by],
    ]
    assert columns_of(live) == [
        *name[:2],
        "Förnya läkemedel",
        "version 3 → 4",
        "changed: Namn, På kontaktkort",
        "residents notice",
        by,
    ]
    assert rest == ""


async def test_a_listener_whose_connection_is_cut_continues_after_its_cursor(
    world: World, tmp_path: Path, example: str
) -> None:
    await world.distribute(world.case_type)

    async with (
        wire(world.api.url) as (url, cut),
        running(*listener(example, url, world.staff, tmp_path / "cursor", BJORKEN)) as process,
    ):
        first = await printed(process)
        cut()
        assert process.stderr is not None
        reason = await asyncio.wait_for(process.stderr.readline(), 20)
        await world.edit(world.case_type, 1, publish=True, introduction="Nytt.")
        second = await printed(process)
        rest = await interrupted(process)

    assert reason.startswith(b"Cut: ")
    assert [columns_of(first)[1], columns_of(second)[1]] == ["DISTRIBUTED", "PUBLISHED"]
    assert rest == ""


async def test_a_refused_listener_prints_the_reason_and_ends(
    world: World, tmp_path: Path, example: str
) -> None:
    async with running(
        *listener(example, world.api.url, world.other_region, tmp_path / "cursor", BJORKEN)
    ) as process:
        _, err = await asyncio.wait_for(process.communicate(), 20)

    assert process.returncode == 1
    assert err.decode() == "Refused: NOT_FOUND: Mottagningen finns inte.\n"


async def edit(world: World, *arguments: str) -> tuple[int | None, str, str]:
    """Run the editor example. Returns its exit code, output and error output."""
    assert world.region.token is not None
    server = ("--url", world.api.url, "--token", world.region.token)
    async with running("edit_case_type.py", *server, world.case_type, *arguments) as process:
        out, err = await asyncio.wait_for(process.communicate(), 20)
    return process.returncode, out.decode(), err.decode()


async def test_an_editor_that_gets_a_conflict_rebases_and_publishes(world: World) -> None:
    await world.edit(world.case_type, 1, internalName="Recept")

    code, out, err = await edit(
        world, "--introduction", "Ny text.", "--read-version", "1", "--note", "Kortare"
    )

    assert (code, err) == (0, "")
    conflict, change, untouched, saved, published = out.splitlines()
    assert re.fullmatch(
        rf"Conflict: you read version 1; version 2 was saved at {TIME} by Anna Andersson,"
        r" REGIONAL_ADMINISTRATOR, Region Stockholm:",
        conflict,
    )
    assert change == f"  Internt namn: {CONTENT['internalName']!r} → 'Recept'"
    assert untouched == "The introduction is untouched; going on from version 2."
    assert saved == "Saved version 3."
    assert published == "Published version 3 of Förnya recept, now ACTIVE."
    seen = await world.staff.ask(
        "query($id: ID!) { caseType(id: $id) { content { introduction internalName } } }",
        id=world.case_type,
    )
    assert seen["caseType"]["content"] == {"introduction": "Ny text.", "internalName": "Recept"}


async def test_an_editor_does_not_overwrite_a_change_of_the_same_text(world: World) -> None:
    await world.edit(world.case_type, 1, introduction="Annan text.")
    before = await world.api.snapshot()

    code, out, err = await edit(world, "--introduction", "Ny text.", "--read-version", "1")

    assert code == 1
    assert out.splitlines()[1] == f"  Introduktion: {CONTENT['introduction']!r} → 'Annan text.'"
    assert (
        err
        == "The introduction itself was changed: read it first, then decide. Nothing was written.\n"
    )
    assert await world.api.snapshot() == before


async def report(world: World, example: str, *arguments: str) -> tuple[int | None, str, str]:
    """Run an example with a reporter's token. Returns its exit code, output and error output."""
    assert world.reporter.token is not None
    async with running(
        example, "--url", world.api.root, "--token", world.reporter.token, *arguments
    ) as process:
        out, err = await asyncio.wait_for(process.communicate(), 100)
    return process.returncode, out.decode(), err.decode()


async def test_a_report_lists_assignments_and_lagging_clinics_and_draws_a_plot(
    world: World, tmp_path: Path
) -> None:
    await world.distribute(world.case_type)
    await world.edit(world.case_type, 1, publish=True, introduction="Nytt.")

    code, out, err = await report(world, "report.py", "--plot", str(tmp_path / "report.png"))

    assert (code, err) == (0, "")
    assert re.search(rf"{BJORKEN}\s*┆ Vårdcentralen Björken ┆ 1\s*┆ 1 ", out), out
    assert re.search(rf"{world.case_type} ┆ Förnya recept ┆ 2\s*┆ 2 ", out), out
    assert (tmp_path / "report.png").read_bytes().startswith(b"\x89PNG")


async def test_a_scheduled_load_adds_the_new_rows(world: World, tmp_path: Path) -> None:
    database = str(tmp_path / "registry.sqlite")
    await world.distribute(world.case_type)

    first = await report(world, "incremental_load.py", "--database", database)
    nothing = await report(world, "incremental_load.py", "--database", database)
    await world.region.done(
        "caseTypeWithdraw", "clinics", caseType=world.case_type, **{"from": {"hsaIds": [LINDEN]}}
    )
    since = await report(world, "incremental_load.py", "--database", database)

    assert first == (0, "2 rows came, 2 assignments hold now.\n", "")
    assert nothing == (0, "0 rows came, 2 assignments hold now.\n", "")
    assert since == (0, "1 rows came, 1 assignments hold now.\n", "")


async def test_a_refused_load_prints_the_reason(world: World, tmp_path: Path) -> None:
    async with running(
        "incremental_load.py",
        "--url",
        world.api.root,
        "--token",
        "none",
        "--database",
        str(tmp_path / "registry.sqlite"),
    ) as process:
        out, err = await asyncio.wait_for(process.communicate(), 20)

    assert (process.returncode, out) == (1, b"")
    assert b'"code":"UNAUTHENTICATED"' in err
