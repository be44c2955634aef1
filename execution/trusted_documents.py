"""Trusted documents: operations known by the SHA-256 of their text, so that neither text nor
parsing nor validation is needed again.

Known are those of a manifest, which a front end's build writes; and, unless only those are
accepted, what clients register themselves by the
convention of automatic persisted queries: a hash alone is asked for first, and sent again with the
text where it was not known.
Source: https://www.apollographql.com/docs/apollo-server/performance/apq, and the manifests of
GraphQL Code Generator and Apollo's command line.
"""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
from cachetools import LRUCache
from graphql import GraphQLError

from execution.operations import MAX_KEPT, Operation, Operations
from schema.errors import TopLevelError

_REGISTERED_BYTES = 32 * 1024 * 1024


class TrustedDocuments:
    """How one process finds the operation that a request means.

    Those of the manifest are always known. Those that clients register are kept within some 32 MiB,
    the least recently used leaving first: a client
    that is told so sends the text again.

    Args:
        operations: Reads texts.
        manifest: Operations by the SHA-256 of their text, in hexadecimal; None without any.
        only: Accept no others, whether by text or by hash.

    Raises:
        ValueError: The manifest can't be used.
    """

    def __init__(
        self,
        operations: Operations,
        manifest: Path | None = None,
        *,
        only: bool = False,
        registered_bytes: int = _REGISTERED_BYTES,
    ) -> None:
        if only and manifest is None:
            raise ValueError(
                "Only trusted documents are to be accepted, but no manifest names them: set"
                " CASETYPES_TRUSTED_DOCUMENTS."
            )
        self._operations = operations
        self._only = only
        self._known = {} if manifest is None else _read(manifest, operations)
        self._registered: LRUCache[str, Operation] = LRUCache(
            registered_bytes, getsizeof=Operation.size
        )

    def known(self, query: str | None, digest: str | None) -> Operation | None:
        """What is found without reading anything: an operation, or why there can be none, in its
        errors. None where a text is to be read first.

        Args:
            query: As sent; None where only the hash was.
            digest: The SHA-256 in lower-case hexadecimal as the client named it, if it did.
        """
        if query is not None and (digest is not None or self._only):
            named, digest = digest, sha256(query.encode()).hexdigest()
            if named is not None and named != digest:
                return _refused("BAD_REQUEST", "The SHA-256 is not that of the query.")
        if (
            digest is not None
            and (known := self._known.get(digest) or self._registered.get(digest)) is not None
        ):
            return known
        if self._only:
            return _refused(
                "NOT_TRUSTED", "Only operations of the manifest are accepted, and this is none."
            )
        if query is None:
            return _refused("PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")
        return self._operations.known(query) if digest is None else None

    def find(self, query: str | None, digest: str | None) -> Operation:
        """The operation of a text, or of a SHA-256 that was given for it; with errors where there
        is none, or it is not accepted.
        """
        if (known := self.known(query, digest)) is not None:
            return known
        assert query is not None  # noqa: S101 - a hash alone is known, or known not to be
        operation = self._operations.read(query)
        if digest is not None and not operation.errors and len(query) <= MAX_KEPT:
            self._registered[digest] = operation
        return operation


def digest_of(extensions: Any) -> str | None:
    """The SHA-256 that a request's `extensions` name by the convention; None without it.

    Raises:
        ValueError: It is malformed.
    """
    if not isinstance(extensions, dict) or (persisted := extensions.get("persistedQuery")) is None:
        return None
    if (
        not isinstance(persisted, dict)
        or persisted.get("version") != 1
        or not isinstance(persisted.get("sha256Hash"), str)
    ):
        raise ValueError("persistedQuery")
    digest: str = persisted["sha256Hash"]
    return digest.lower()


def _refused(code: str, message: str) -> Operation:
    return Operation("", None, (TopLevelError(code, message),))


def _read(manifest: Path, operations: Operations) -> dict[str, Operation]:
    """Every operation of a manifest, each of which must fit the schema: better no start than a
    front end that fails later.
    """
    try:
        found = [
            (digest, text, sha256(text.encode()).hexdigest())
            for digest, text in _entries(orjson.loads(manifest.read_bytes()))
        ]
    except (OSError, orjson.JSONDecodeError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(
            f"The manifest of trusted documents {manifest} can't be read: {error!r}"
        ) from None
    known = {}
    for digest, text, right in found:
        if digest != right:
            raise ValueError(
                f"In the manifest of trusted documents {manifest}, {digest} is not the SHA-256 of"
                " its operation."
            )
        known[digest] = operation = operations.read(text)
        if operation.errors:
            raise ValueError(
                f"In the manifest of trusted documents {manifest}, {digest} does not fit the"
                f" schema: {_told(operation.errors)}"
            )
    return known


def _entries(manifest: Any) -> Iterator[tuple[str, str]]:
    """Hash and text of each: from a plain mapping, or as Apollo's
    `generate-persisted-query-manifest` writes them.
    """
    if manifest.get("format") == "apollo-persisted-query-manifest":
        for entry in manifest["operations"]:
            yield entry["id"].lower(), entry["body"]
    else:
        pairs: Mapping[str, str] = manifest
        for digest, text in pairs.items():
            yield digest.lower(), text


def _told(errors: tuple[GraphQLError, ...]) -> str:
    return " ".join(error.message for error in errors)
