"""Exports the history of a principal to files, as an import reads them."""

from pathlib import Path

from tests.callers import Caller
from tests.exporting import fetched


async def export_history(caller: Caller, folder: Path, principal: str) -> tuple[Path, Path]:
    """Export the whole history of one principal as two files: versions and events."""
    events = await fetched(caller, "events.ndjson", principal=principal, detail="true")
    assert events.status_code == 200, events.text
    versions = await fetched(
        caller, "versions.ndjson", principal=principal, upTo=events.headers["x-export-cursor"]
    )
    assert versions.status_code == 200, versions.text
    paths = folder / f"versions-{principal}.ndjson", folder / f"events-{principal}.ndjson"
    for path, answer in zip(paths, (versions, events), strict=True):
        path.write_bytes(answer.content)
    return paths
