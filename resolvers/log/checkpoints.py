"""Signed checkpoints of the logs, as JSON Web Signatures with Ed25519.

The holder of the key states how far each log went, with a digest of its content. Anyone with the
public key can verify a statement, on any machine and with any JOSE library. Access to the database
alone does not allow making one.

Source: RFC 7515 (JSON Web Signature), RFC 8037 and RFC 9864 (Ed25519).
"""

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import structlog
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from resolvers.access import key_files
from store.content.hashing import timestamp
from store.outages import is_outage
from store.registry import Store
from store.transfer.checkpoints import Checkpoint, LogEnd

KEY_FILE = "checkpoint-key.json"

_ALGORITHM: Literal["Ed25519"] = "Ed25519"
_log = structlog.get_logger()


class CheckpointKey:
    """A key that signs checkpoints, or only its public half, which verifies them."""

    def __init__(self, key: OKPKey) -> None:
        self._key = key

    @classmethod
    def of(cls, path: Path, *, make: bool = False) -> "CheckpointKey":
        """Read the key in a file, a JSON Web Key; with `make`, create it if there is no file.

        Raises:
            ValueError: There is no file, or it does not contain an Ed25519 key; with `make`, a
                private one.
        """
        if make and not path.exists():
            key_files.create(
                path,
                OKPKey.generate_key(_ALGORITHM, {"use": "sig"}, auto_kid=True).as_dict(
                    private=True
                ),
            )
        try:
            key = OKPKey.import_key(json.loads(path.read_bytes()))
        except (OSError, JoseError, ValueError, TypeError, KeyError):
            key = None
        if key is None or key.curve_name != _ALGORITHM or (make and not key.is_private):
            raise ValueError(f"{path} does not hold an Ed25519 key, as a JSON Web Key.")
        key.ensure_kid()
        return cls(key)

    def public(self) -> dict[str, Any]:
        """The public half, as a JSON Web Key, to be stored with the checkpoints."""
        return dict(self._key.as_dict(private=False))

    def sign(self, principal: str, end: LogEnd) -> Checkpoint:
        """Sign how far a log goes, and the digest of its content."""
        claims = {
            "principal": principal,
            "sequence": end.sequence,
            "at": timestamp(end.at),
            "digest": end.digest,
        }
        header = {"alg": _ALGORITHM, "kid": self._key.kid}
        statement = jws.serialize_compact(
            header, json.dumps(claims), self._key, algorithms=[_ALGORITHM]
        )
        return Checkpoint(principal, end.sequence, end.digest, statement)

    def signed(self, checkpoint: Checkpoint) -> bool:
        """Whether a checkpoint's statement is signed with this key and agrees with its fields."""
        try:
            found = jws.deserialize_compact(
                checkpoint.statement, self._key, algorithms=[_ALGORITHM]
            )
            return read(found.payload.decode(), checkpoint.statement) == checkpoint
        except (JoseError, ValueError):
            return False


def read(payload: str, statement: str) -> Checkpoint:
    """Read a checkpoint from the payload of its statement.

    Raises:
        ValueError: It is not the payload of a checkpoint.
    """
    try:
        found = json.loads(payload)
        return Checkpoint(
            str(found["principal"]), int(found["sequence"]), str(found["digest"]), statement
        )
    except (TypeError, KeyError) as error:
        raise ValueError("This is not a checkpoint statement.") from error


def read_all(lines: Iterable[str]) -> list[Checkpoint]:
    """Read checkpoints that were stored elsewhere, one statement per line.

    The signatures are not verified here.

    Raises:
        ValueError: A line is not a statement; with its number.
    """
    found = []
    for number, line in enumerate(lines, 1):
        if statement := line.strip():
            try:
                found.append(
                    read(jws.extract_compact(statement.encode()).payload.decode(), statement)
                )
            except (JoseError, ValueError) as error:
                raise ValueError(f"Line {number} is not a checkpoint statement.") from error
    return found


async def take(store: Store, key: CheckpointKey) -> int:
    """Sign a checkpoint of each log that has new events since its last checkpoint.

    Returns:
        The number of checkpoints.
    """
    count = 0
    async for principal, end in store.checkpoints.new_ends():
        await store.checkpoints.store(key.sign(principal, end))
        count += 1
    return count


async def keep_taking(store: Store, key: CheckpointKey, every_seconds: float) -> None:
    """Take checkpoints at intervals, until cancelled.

    A failure is logged, except for an outage of MongoDB; the next interval tries again.
    """
    while True:
        await asyncio.sleep(every_seconds)
        try:
            await take(store, key)
        except Exception as error:  # noqa: BLE001 - a failure must not stop later checkpoints
            if not is_outage(error):
                _log.exception("checkpoints failed")
