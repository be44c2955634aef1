"""Writes `tests/kept/VERSION`, the registry that is kept for the current version.

`.venv/bin/python -m tests.kept.making` starts a server on an empty data folder, fills it over the
API, reads it, stops it in order, and writes:

- `data.tar.xz`: the data folder, without its log, locks and journal;
- `backup.zip`: written by `casetypes backup` while the server ran;
- `checkpoints.txt`, `public.json`: the signed checkpoints, and the key to verify them with;
- `queries/`: the operations, so that later additions to the contract change none of them;
- `expected.json`: the callers, the answers, the events of a feed, and a write with its answer;
- `events-PRINCIPAL.ndjson`, `versions-PRINCIPAL.ndjson`: exports of each whole log;
- `cursors.json`: the cursor of each export.

A folder is written once. Its keys and tokens sign nothing outside these tests.
"""

import io
import json
import shutil
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from tests.callers import BJORKEN, INERA, STOCKHOLM, UPPSALA
from tests.kept import commands
from tests.kept.commands import Json, Server
from tests.kept.filling import fill
from tests.kept.people import CALLERS, CENTRAL
from tests.kept.queries import queries
from tests.kept.reading import check, nodes, read

FOLDER = Path(__file__).parent
_SKIPPED = {"mongod.log", "lock", "mongod.lock", "WiredTiger.lock", "server.json", "journal"}
"""Not needed to open the folder: after an orderly stop, the journal has nothing to replay."""
_FEED_EVENTS = 12
_FORGET_SECONDS = 60


def make(folder: Path) -> None:
    """Write a folder, which must not exist."""
    folder.mkdir()
    (folder / "queries").mkdir()
    for name, text in queries().items():
        (folder / "queries" / f"{name}.graphql").write_text(text, encoding="utf-8")
    with tempfile.TemporaryDirectory(prefix="casetypes-kept-") as temporary:
        data = Path(temporary) / "data"
        data.mkdir(mode=0o700)
        with commands.serving(data, CALLERS) as server:
            fill(server)
            commands.run("checkpoints", "--data", str(data))
            _write_exports(server, folder)  # each export is an event, so these come first
            _write_expected(server, folder)
            commands.run("backup", str(folder / "backup.zip"), "--data", str(data))
            printed = commands.run("checkpoints", "--data", str(data))
            (folder / "checkpoints.txt").write_text(printed, encoding="ascii")
            printed = commands.run("checkpoints", "--public-key", "--data", str(data))
            (folder / "public.json").write_text(printed, encoding="ascii")
            _forget_machine(data)
        _pack(data, folder / "data.tar.xz")


def _write_expected(server: Server, folder: Path) -> None:
    answers = read(server)
    check(server, answers)
    expected = {
        "callers": CALLERS,
        "feed": _feed(server, answers),
        "write": _write(answers),
        "answers": answers,
    }
    (folder / "expected.json").write_text(_written(expected), encoding="utf-8")


def _written(expected: Json) -> str:
    """JSON with one answer to a line."""
    parts = []
    for name, value in expected.items():
        lines = [_line(item) for item in value] if isinstance(value, list) else [_line(value)]
        text = ",\n".join(lines)
        parts.append(f'"{name}":' + (f"[\n{text}\n]" if isinstance(value, list) else f"\n{text}"))
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _feed(server: Server, answers: list[Json]) -> Json:
    """The notifications after a cursor in the middle of a clinic's inbox."""
    query = """query($clinic: HsaId!) { clinic(hsaId: $clinic) { notifications(first: 50) {
        edges { node { cursor } } } } }"""
    found = server.ask("staff", query, {"clinic": BJORKEN})["clinic"]["notifications"]
    variables = {"clinics": [BJORKEN], "after": list(nodes(found))[_FEED_EVENTS]["cursor"]}
    with server.follow("staff", queries()["feed"], variables) as results:
        delivered = [next(results) for _ in range(_FEED_EVENTS)]
    return {"caller": "staff", "query": "feed", "variables": variables, "data": delivered}


def _write(answers: list[Json]) -> Json:
    """A save of a case type that the feed's clinic has, with the expected answer."""
    length = next(
        next(nodes(answer["data"]["principal"]["events"]))["sequence"]
        for answer in answers
        if answer["query"] == "logLength" and answer["variables"]["principal"] == STOCKHOLM
    )
    case_types = [
        answer["data"]["caseType"]
        for answer in answers
        if answer["query"] == "caseType" and answer["caller"] == "region"
    ]
    [case_type] = [found for found in case_types if found["internalName"] == CENTRAL]
    [newest, *_] = nodes(case_type["versions"])
    number, note = newest["number"] + 1, "Efter uppgradering"
    content = {"introduction": "Skriven av en senare version."}
    update = {
        "id": case_type["id"],
        "expectedVersion": newest["number"],
        "content": content,
        "publish": True,
        "note": note,
    }
    data = {
        "caseType": {
            "id": case_type["id"],
            "state": "ACTIVE",
            "latestVersion": number,
            "publishedVersion": number,
            "verify": {"intact": True, "versions": number},
        },
        "version": {"number": number, "previousHash": newest["hash"], "content": content},
        "event": {"sequence": length + 1, "action": "PUBLISHED", "version": number, "note": note},
        "errors": [],
    }
    write = {"caller": "region", "query": "save", "variables": {"input": update}}
    return {**write, "data": {"caseTypeUpdate": data}}


def _write_exports(server: Server, folder: Path) -> None:
    cursors = {}
    for caller, principal in (("national", INERA), ("region", STOCKHOLM), ("uppsala", UPPSALA)):
        events = server.export(caller, "events.ndjson", principal=principal, detail="true")
        cursors[principal] = events.headers["x-export-cursor"]
        up_to = {"principal": principal, "upTo": cursors[principal]}
        versions = server.export(caller, "versions.ndjson", **up_to)
        (folder / f"events-{principal}.ndjson").write_bytes(events.content)
        (folder / f"versions-{principal}.ndjson").write_bytes(versions.content)
    (folder / "cursors.json").write_text(f"{json.dumps(cursors, indent=1)}\n", encoding="ascii")


def _forget_machine(data: Path) -> None:
    """Drop MongoDB's log of starts, which names the machine and its folders."""
    status: Json = json.loads(commands.run("status", "--data", str(data)))
    with MongoClient[Json](status["mongodbUri"]) as client:
        statistics = client["local"].command("collStats", "startup_log")
        table = statistics["wiredTiger"]["uri"].rpartition(":")[2]
        client["local"]["startup_log"].drop()
        deadline = time.monotonic() + _FORGET_SECONDS
        while (data / "mongodb" / f"{table}.wt").exists():  # a later checkpoint removes the file
            assert time.monotonic() < deadline
            client["admin"].command("fsync")


def _pack(data: Path, target: Path) -> None:
    with tarfile.open(target, "w:xz", preset=9) as archive:
        for path in _packed(data):
            entry = archive.gettarinfo(path, arcname=str(path.relative_to(data)))
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            if entry.isfile():
                content = path.read_bytes()
                assert str(data).encode() not in content, f"{path} names a folder of this machine"
                archive.addfile(entry, io.BytesIO(content))
            else:
                archive.addfile(entry)


def _packed(data: Path) -> Iterator[Path]:
    for path in sorted(data.rglob("*")):
        skipped = _SKIPPED & set(path.relative_to(data).parts)
        if not skipped and (path.is_file() or path.is_dir()):
            yield path


if __name__ == "__main__":
    folder = FOLDER / metadata.version("casetypes")
    if folder.exists():
        sys.exit(f"{folder} exists. The folder of a release is never written again.")
    try:
        make(folder)
    except BaseException:
        shutil.rmtree(folder)
        raise
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".graphql":
            sys.stdout.write(f"{path.stat().st_size:>9,} {path.relative_to(FOLDER)}\n")
