"""Trusted documents: operations that clients send as the SHA-256 of their text.

The hash saves sending, parsing and validating the text. Known hashes are those of a manifest, which
the build of a front end writes. Unless only those are accepted, clients can also register documents
themselves, as automatic persisted queries: they send the hash alone first, and then with the text
if the hash was not found.

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

from execution.operations import MAX_CACHED_CHARACTERS, Operation, Operations
from schema.errors import TopLevelError

_REGISTERED_BYTES = 32 * 1024 * 1024


class TrustedDocuments:
    """Finds the document of a request, by text or by hash.

    Documents of the manifest are always known. Documents that clients register are cached in some
    32 MiB; the least recently used are dropped first, and their clients then send the text again.

    Args:
        operations: Reads and validates texts.
        manifest: A JSON file with texts by their SHA-256 in hexadecimal; None without a manifest.
        only: Accept only documents of the manifest, by text or by hash.
        registered_bytes: Memory for registered documents, approximately.

    Raises:
        ValueError: The manifest is missing or invalid.
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
                "Only trusted documents are to be accepted, but there is no manifest: set"
                " CASETYPES_TRUSTED_DOCUMENTS."
            )
        self._operations = operations
        self._only = only
        self._known = {} if manifest is None else _read(manifest, operations)
        self._registered: LRUCache[str, Operation] = LRUCache(
            registered_bytes, getsizeof=Operation.size
        )

    def known(self, query: str | None, digest: str | None) -> Operation | None:
        """The document of a request, if it is found without parsing.

        Args:
            query: The text; None if only the hash was sent.
            digest: The SHA-256 that was sent, in lower-case hexadecimal; None without one.

        Returns:
            The document; or one with errors, if the request is refused; or None, if the text must
            be parsed first.
        """
        if query is not None and (digest is not None or self._only):
            sent, digest = digest, sha256(query.encode()).hexdigest()
            if sent is not None and sent != digest:
                return _refused("BAD_REQUEST", "The SHA-256 does not match the query.")
        if (
            digest is not None
            and (known := self._known.get(digest) or self._registered.get(digest)) is not None
        ):
            return known
        if self._only:
            return _refused(
                "NOT_TRUSTED",
                "This operation is not in the manifest; only those in it are accepted.",
            )
        if query is None:
            return _refused("PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")
        return self._operations.known(query) if digest is None else None

    def find(self, query: str | None, digest: str | None) -> Operation:
        """The document of a request, parsed if needed.

        Returns:
            The document; or one with errors, if it is invalid or the request is refused.
        """
        if (known := self.known(query, digest)) is not None:
            return known
        assert query is not None  # noqa: S101 - a hash without a text is decided above
        operation = self._operations.read(query)
        if digest is not None and not operation.errors and len(query) <= MAX_CACHED_CHARACTERS:
            self._registered[digest] = operation
        return operation


def digest_of(extensions: Any) -> str | None:
    """The SHA-256 in a request's `extensions.persistedQuery`, in lower case; None without it.

    Raises:
        ValueError: `persistedQuery` is malformed.
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
    """The documents of a manifest.

    An invalid document is an error at start-up, so that no front end fails later.

    Raises:
        ValueError: The manifest is missing or invalid.
    """
    try:
        entries = [
            (digest, text, sha256(text.encode()).hexdigest())
            for digest, text in _entries(orjson.loads(manifest.read_bytes()))
        ]
    except (OSError, orjson.JSONDecodeError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(
            f"The manifest of trusted documents {manifest} cannot be read: {error!r}"
        ) from None
    known = {}
    for digest, text, computed in entries:
        if digest != computed:
            raise ValueError(
                f"In the manifest of trusted documents {manifest}, {digest} is not the SHA-256 of"
                " its operation."
            )
        known[digest] = operation = operations.read(text)
        if operation.errors:
            raise ValueError(
                f"In the manifest of trusted documents {manifest}, {digest} does not fit the"
                f" schema: {_messages(operation.errors)}"
            )
    return known


def _entries(manifest: Any) -> Iterator[tuple[str, str]]:
    """The hash and text of each document.

    The manifest is a plain mapping, or has the format of Apollo's
    `generate-persisted-query-manifest`.
    """
    if manifest.get("format") == "apollo-persisted-query-manifest":
        for entry in manifest["operations"]:
            yield entry["id"].lower(), entry["body"]
    else:
        pairs: Mapping[str, str] = manifest
        for digest, text in pairs.items():
            yield digest.lower(), text


def _messages(errors: tuple[GraphQLError, ...]) -> str:
    return " ".join(error.message for error in errors)
