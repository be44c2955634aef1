"""Signed checkpoints of the logs: who holds the key states how far each log went and what stood in
it. Ed25519, as JSON Web Signatures.

Whoever has the public key can check a statement, on any machine and with any JOSE library; whoever
has only the database can't make one.

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
from store.mongo.connection import is_outage
from store.registry import Store
from store.transfer.checkpoints import Checkpoint, Reached

KEY_FILE = "checkpoint-key.json"

_ALGORITHM: Literal["Ed25519"] = "Ed25519"
_log = structlog.get_logger()


class CheckpointKey:
    """A key that states are signed with, or only its public half, to check them."""

    def __init__(self, key: OKPKey) -> None:
        self._key = key

    @classmethod
    def of(cls, path: Path, *, make: bool = False) -> "CheckpointKey":
        """The key in a file, a JSON Web Key; with `make`, a new private one where there is no file.

        Raises:
            ValueError: The file holds no Ed25519 key, or there is none.
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
        """The public half, as a JSON Web Key: to be kept where the checkpoints are kept."""
        return dict(self._key.as_dict(private=False))

    def sign(self, principal: str, reached: Reached) -> Checkpoint:
        """State how far a log goes, and what is in it."""
        stated = {
            "principal": principal,
            "sequence": reached.sequence,
            "at": timestamp(reached.at),
            "digest": reached.digest,
        }
        header = {"alg": _ALGORITHM, "kid": self._key.kid}
        statement = jws.serialize_compact(
            header, json.dumps(stated), self._key, algorithms=[_ALGORITHM]
        )
        return Checkpoint(principal, reached.sequence, reached.digest, statement)

    def signed(self, checkpoint: Checkpoint) -> bool:
        """Whether a checkpoint's statement is signed with this key, and says what its fields say."""
        try:
            found = jws.deserialize_compact(
                checkpoint.statement, self._key, algorithms=[_ALGORITHM]
            )
            return read(found.payload.decode(), checkpoint.statement) == checkpoint
        except (JoseError, ValueError):
            return False


def read(stated: str, statement: str) -> Checkpoint:
    """A checkpoint from what its statement says.

    Raises:
        ValueError: It says something else.
    """
    try:
        found = json.loads(stated)
        return Checkpoint(
            str(found["principal"]), int(found["sequence"]), str(found["digest"]), statement
        )
    except (TypeError, KeyError) as error:
        raise ValueError("This is no statement of a checkpoint.") from error


def read_all(lines: Iterable[str]) -> list[Checkpoint]:
    """Checkpoints that were kept elsewhere, one statement to a line; whether they are signed is not
    asked here.

    Raises:
        ValueError: A line is no statement; with its number.
    """
    found = []
    for number, line in enumerate(lines, 1):
        if statement := line.strip():
            try:
                found.append(
                    read(jws.extract_compact(statement.encode()).payload.decode(), statement)
                )
            except (JoseError, ValueError) as error:
                raise ValueError(f"Line {number} is no statement of a checkpoint.") from error
    return found


async def take(store: Store, key: CheckpointKey) -> int:
    """Sign how far each log goes that went on since its last checkpoint; how many."""
    count = 0
    async for principal, reached in store.checkpoints.reached():
        await store.checkpoints.keep(key.sign(principal, reached))
        count += 1
    return count


async def keep_taking(store: Store, key: CheckpointKey, every_seconds: float) -> None:
    """Take checkpoints now and again, until cancelled.

    What fails is told in the log of the server, and tried again the next time.
    """
    while True:
        await asyncio.sleep(every_seconds)
        try:
            await take(store, key)
        except Exception as error:  # noqa: BLE001 - the next time is not to be missed for it
            if not is_outage(error):
                _log.exception("checkpoints failed")
