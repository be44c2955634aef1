"""Checking a whole backup offline: every chain, every log, and every checkpoint, without a
database.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import ZipFile

from store.content.hashing import ChainCheck
from store.mongo.connection import Row
from store.mongo.rows import version_from
from store.records import Version
from store.transfer.backup import Manifest, opened, rows_of
from store.transfer.checkpoints import Checkpoint, checkpoint_from, digest_of

Signed = Callable[[Checkpoint], bool]
"""Whether a checkpoint's statement is signed with the right key and says the same as its fields."""


@dataclass(slots=True)
class Report:
    """What was checked, and what is wrong; each problem names its place."""

    documents: int = 0
    versions: int = 0
    events: int = 0
    checkpoints: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def intact(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def check(
    source: Path, signed: Signed | None = None, elsewhere: Iterable[Checkpoint] = ()
) -> Report:
    """Check a backup.

    Args:
        source: The file.
        signed: Checks signatures; without it checkpoints are only compared with the logs.
        elsewhere: Checkpoints that were kept elsewhere: what they tell of must be there still.

    Raises:
        BackupError: It is no whole backup.
    """
    report = Report()
    with opened(source) as (file, manifest):
        hashes = _check_chains(file, manifest, report)
        kept = {
            (one.principal, one.sequence): one
            for one in map(checkpoint_from, rows_of(file, "checkpoints", manifest))
        }
        expected = [*kept.values(), *elsewhere]
        digests = _check_logs(
            file, manifest, report, hashes, {(one.principal, one.sequence) for one in expected}
        )
        for one in expected:
            report.checkpoints += 1
            place = f"{one.principal}: the checkpoint at {one.sequence}"
            if signed is not None and not signed(one):
                report.problems.append(f"{place} is not signed with the key")
            if (digest := digests.get((one.principal, one.sequence))) is None:
                report.problems.append(f"{place} lies beyond the log's end: the log was cut off")
            elif digest != one.digest:
                report.problems.append(
                    f"{place} tells of another past: the log or its versions were rewritten"
                )
        for name in sorted(
            set(manifest.rows) - {"documents", "versions", "events", "logs", "checkpoints"}
        ):
            for _ in rows_of(file, name, manifest):
                pass
    return report


@dataclass(frozen=True, slots=True)
class _Made:
    """Of a version: its hash, and where in which log it was made."""

    hash: str
    principal: str
    sequence: int


def _check_chains(file: ZipFile, manifest: Manifest, report: Report) -> dict[str, _Made]:
    """Every document's chain against its head; what the logs are then held against, by version id."""
    heads = {
        row["_id"]: (row["latest"], row["hash"]) for row in rows_of(file, "documents", manifest)
    }
    report.documents = len(heads)
    made: dict[str, _Made] = {}
    ends: dict[str, ChainCheck] = {}
    for row in rows_of(file, "versions", manifest):
        report.versions += 1
        document = row["document"]
        ends.setdefault(document, ChainCheck()).add(row["number"], _readable(row))
        made[row["_id"]] = _Made(row["hash"], row["principal"], row["sequence"])
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
    made: dict[str, _Made],
    wanted: set[tuple[str, int]],
) -> dict[tuple[str, int], str]:
    """Every log: dense, in order of time, naming each version where it was made; the digests at the
    wanted places.
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
                f"{principal}: {row['sequence']} stands where {number + 1} is due"
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
        f"{version}: no event tells of it" for version in made if version not in named
    ]
    for row in rows_of(file, "logs", manifest):
        number = ends[row["_id"]][0] if row["_id"] in ends else 0
        if row["sequence"] != number:
            report.problems.append(
                f"{row['_id']}: the log ends at {number}, {row['sequence']} is due"
            )
    return digests


def _readable(row: Row) -> Version | None:
    try:
        return version_from(row)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
