"""Verifying a backup offline: every hash chain, every log and every checkpoint.

It needs no database.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import ZipFile

from store.content.hashing import ChainCheck
from store.mongo.connection import Row
from store.mongo.rows import version_from
from store.records import Version
from store.transfer.backup import Manifest, open_backup, rows_of
from store.transfer.checkpoints import Checkpoint, checkpoint_from, digest_of

Signed = Callable[[Checkpoint], bool]
"""Returns whether a checkpoint's statement has a valid signature and agrees with its fields."""


@dataclass(slots=True)
class Report:
    """How much was verified, and the problems; each problem names its place."""

    documents: int = 0
    versions: int = 0
    events: int = 0
    checkpoints: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def intact(self) -> bool:
        """Whether there are no problems."""
        return not self.problems


def check(
    source: Path, signed: Signed | None = None, elsewhere: Iterable[Checkpoint] = ()
) -> Report:
    """Verify a backup.

    Args:
        source: The file.
        signed: Checks signatures. Without it checkpoints are only compared with the logs.
        elsewhere: Checkpoints that were kept elsewhere. The logs must still agree with them.

    Raises:
        BackupError: The file is not a complete backup.
    """
    report = Report()
    with open_backup(source) as (file, manifest):
        hashes = _check_chains(file, manifest, report)
        kept = {
            (checkpoint.principal, checkpoint.sequence): checkpoint
            for checkpoint in map(checkpoint_from, rows_of(file, "checkpoints", manifest))
        }
        expected = [*kept.values(), *elsewhere]
        digests = _check_logs(
            file,
            manifest,
            report,
            hashes,
            {(checkpoint.principal, checkpoint.sequence) for checkpoint in expected},
        )
        for checkpoint in expected:
            report.checkpoints += 1
            name = f"{checkpoint.principal}: the checkpoint at {checkpoint.sequence}"
            if signed is not None and not signed(checkpoint):
                report.problems.append(f"{name} is not signed with the key")
            digest = digests.get((checkpoint.principal, checkpoint.sequence))
            if digest is None:
                report.problems.append(f"{name} is beyond the log's end: the log was cut off")
            elif digest != checkpoint.digest:
                report.problems.append(
                    f"{name} has another digest: the log or its versions were rewritten"
                )
        # The other collections have no chains; reading them checks their hashes.
        for collection in sorted(
            set(manifest.rows) - {"documents", "versions", "events", "logs", "checkpoints"}
        ):
            for _ in rows_of(file, collection, manifest):
                pass
    return report


@dataclass(frozen=True, slots=True)
class _VersionOrigin:
    """A version's hash, and the event that recorded it."""

    hash: str
    principal: str
    sequence: int


def _check_chains(file: ZipFile, manifest: Manifest, report: Report) -> dict[str, _VersionOrigin]:
    """Verify every document's hash chain against its head.

    Returns:
        The hash of each version and the event that recorded it, by version id.
    """
    heads = {
        row["_id"]: (row["latest"], row["hash"]) for row in rows_of(file, "documents", manifest)
    }
    report.documents = len(heads)
    made: dict[str, _VersionOrigin] = {}
    ends: dict[str, ChainCheck] = {}
    for row in rows_of(file, "versions", manifest):
        report.versions += 1
        document = row["document"]
        ends.setdefault(document, ChainCheck()).add(row["number"], _readable(row))
        made[row["_id"]] = _VersionOrigin(row["hash"], row["principal"], row["sequence"])
        if document not in heads:
            report.problems.append(f"{row['_id']}: there is no such document")
    for document, (latest, head_hash) in heads.items():
        verdict = ends.get(document, ChainCheck()).result(latest=latest, head_hash=head_hash)
        if not verdict.intact:
            report.problems.append(f"{document}: broken at version {verdict.first_broken_version}")
    return made


def _check_logs(
    file: ZipFile,
    manifest: Manifest,
    report: Report,
    made: dict[str, _VersionOrigin],
    wanted: set[tuple[str, int]],
) -> dict[tuple[str, int], str]:
    """Verify every log: no gaps, times in order, and each version named by its event.

    Returns:
        The digests at the requested (principal, sequence number) pairs.
    """
    digests: dict[tuple[str, int], str] = {}
    ends: dict[str, tuple[int, str | None, Row]] = {}
    named: set[str] = set()
    for row in rows_of(file, "events", manifest):
        report.events += 1
        principal = row["principal"]
        number, previous, before = ends.get(principal, (0, None, row))
        if row["sequence"] != number + 1:
            report.problems.append(
                f"{principal}: {row['sequence']} is where {number + 1} should be"
            )
        if row["at"] < before["at"]:
            report.problems.append(f"{principal}: time goes back at {row['sequence']}")
        version = f"{row['document']}.{row['version']}"
        known = made.get(version)
        if row["version"] is not None and known is None:
            report.problems.append(
                f"{principal}: {row['sequence']} names {version}, which is missing"
            )
        if known is not None and (known.principal, known.sequence) == (principal, row["sequence"]):
            named.add(version)
        digest = digest_of(row, known.hash if known else None, previous)
        if (principal, row["sequence"]) in wanted:
            digests[principal, row["sequence"]] = digest
        ends[principal] = (row["sequence"], digest, row)
    report.problems += [
        f"{version}: no event records it" for version in made if version not in named
    ]
    for row in rows_of(file, "logs", manifest):
        number = ends[row["_id"]][0] if row["_id"] in ends else 0
        if row["sequence"] != number:
            report.problems.append(
                f"{row['_id']}: the log ends at {number}, but should end at {row['sequence']}"
            )
    return digests


def _readable(row: Row) -> Version | None:
    try:
        return version_from(row)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
