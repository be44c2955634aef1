"""Template files: all versions of a template, with their chain of hashes.

A file is read only if its chain is intact. The format is described in
docs/formats/template-file.md, and as JSON Schema in template-file.schema.json beside it. Nothing
here reads or writes the registry.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from resolvers.kinds.validation import problems_of
from store import records
from store.content.hashing import hash_of, timestamp
from store.content.times import parse_time
from store.errors import InvalidInput, Path, Problem
from store.kinds.kinds import Kind
from store.records import Derivation, Document, Origin, Role, Version

FORMAT = "casetypes/template"
FORMAT_VERSION = 1
MAX_BYTES = 4 * 1024 * 1024
MAX_VERSIONS = 10_000

_Id = Annotated[str, Field(pattern=r"^[a-z]+_[0-9a-zA-Z_-]{1,80}$")]
_HsaId = Annotated[str, Field(pattern=r"^[0-9A-Z-]{1,31}$")]
_Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Number = Annotated[int, Field(ge=1, le=2**53)]
_FILE: Path = ("file",)


class _Part(BaseModel):
    """A part of a file: API names, no unknown fields, no type conversion."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True, strict=True)


class Author(_Part):
    """The author of a version."""

    employee_hsa_id: str | None
    role: Annotated[Role, Field(strict=False)]
    unit: str | None
    system: bool


class DerivedFrom(_Part):
    """The template version that a version was made from, by the ids of its own registry."""

    template: _Id
    version: _Number


class ImportedFrom(_Part):
    """The version of another document that a version was imported from."""

    document: _Id
    version: _Number
    hash: _Hash
    principal: _HsaId


class FileVersion(_Part):
    """A version, with all that its hash covers."""

    number: _Number
    content: dict[str, Any]
    schema_version: _Number
    author: Author
    created_at: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$")]
    note: str | None
    derived_from: DerivedFrom | None
    restored_from: _Number | None
    origin: ImportedFrom | None
    previous_hash: _Hash | None
    hash: _Hash


class FileTemplate(_Part):
    """The template of the chain, and its state when it was exported."""

    id: _Id
    kind: str
    principal: _HsaId
    principal_name: str
    owner: _HsaId
    latest_version: _Number
    published_version: _Number | None
    hash: _Hash


class TemplateFile(_Part):
    """The whole file."""

    format: Literal["casetypes/template"]
    format_version: Literal[1]
    exported_at: str
    template: FileTemplate
    versions: Annotated[list[FileVersion], Field(min_length=1, max_length=MAX_VERSIONS)]


@dataclass(frozen=True, slots=True)
class SelectedVersion:
    """A version of a file with an intact chain.

    Attributes:
        index: Its index in the file.
        version: The version as it is in the file.
        content: Its content, upcast to the current content model.
    """

    index: int
    version: Version
    content: Mapping[str, Any]

    @property
    def origin(self) -> Origin:
        """The origin of a version that is imported from it."""
        return Origin(
            self.version.document, self.version.number, self.version.hash, self.version.principal
        )


def write(
    document: Document, principal_name: str, versions: Iterable[Version], *, at: datetime
) -> bytes:
    """The file of a template, as JSON."""
    head = {
        "id": document.id,
        "kind": document.kind,
        "principal": document.principal,
        "principalName": principal_name,
        "owner": document.owner.key,
        "latestVersion": document.latest,
        "publishedVersion": document.published,
        "hash": document.hash,
    }
    file = {
        "format": FORMAT,
        "formatVersion": FORMAT_VERSION,
        "exportedAt": timestamp(at),
        "template": head,
        "versions": [version_as_json(version) for version in versions],
    }
    return orjson.dumps(file)


def version_as_text(version: Version) -> bytes:
    """A version as JSON text, as in a file but for white space."""
    return orjson.dumps(version_as_json(version))


def version_as_json(version: Version) -> dict[str, Any]:
    """A version as plain JSON, as in a file."""
    author, derived, origin = version.author, version.derived_from, version.origin
    return {
        "number": version.number,
        "content": version.content,
        "schemaVersion": version.schema_version,
        "author": {
            "employeeHsaId": author.employee_hsa_id,
            "role": str(author.role),
            "unit": author.unit,
            "system": author.system,
        },
        "createdAt": timestamp(version.created_at),
        "note": version.note,
        "derivedFrom": (
            None if derived is None else {"template": derived.template, "version": derived.version}
        ),
        "restoredFrom": version.restored_from,
        "origin": (
            None
            if origin is None
            else {
                "document": origin.document,
                "version": origin.version,
                "hash": origin.hash,
                "principal": origin.principal,
            }
        ),
        "previousHash": version.previous_hash,
        "hash": version.hash,
    }


def read(text: str, kind: Kind, number: int | None) -> SelectedVersion:
    """Recompute the whole chain of a file, and return one version.

    Args:
        text: The file.
        kind: The kind that the template must have.
        number: The version; None for the published version, or the newest where none is published.

    Raises:
        InvalidInput: It is not such a file, it has another version of the format, or it was
            changed: with the version and the path.
    """
    file = _parse(text)
    if file.template.kind != kind.name:
        raise InvalidInput.at(
            (*_FILE, "template", "kind"),
            "UNKNOWN_FILE_FORMAT",
            f"Filen innehåller inget som kan hämtas hit som {kind.name}.",
        )
    chain = _chain(file)
    selected = (
        number
        if number is not None
        else file.template.published_version or file.template.latest_version
    )
    if not 1 <= selected <= len(chain):
        path = ("version",) if number is not None else (*_FILE, "template", "publishedVersion")
        raise InvalidInput.at(path, "UNKNOWN_VERSION", f"Mallen har ingen version {selected}.")
    version = chain[selected - 1]
    if version.schema_version > kind.schema_version:
        path = (*_FILE, "versions", str(selected - 1), "schemaVersion")
        raise InvalidInput.at(
            path,
            "UNKNOWN_FILE_FORMAT",
            "Innehållet är av ett nyare slag än detta register kan läsa.",
        )
    return SelectedVersion(
        selected - 1, version, kind.upcast(version.content, version.schema_version)
    )


def _parse(text: str) -> TemplateFile:
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise InvalidInput.at(
            _FILE, "TOO_LARGE", f"Filen är för stor: högst {MAX_BYTES} byte tas emot."
        )
    try:
        found = orjson.loads(text.removeprefix("\ufeff"))
    except orjson.JSONDecodeError as error:
        raise InvalidInput.at(
            _FILE,
            "MALFORMED",
            f"Filen går inte att läsa som JSON: rad {error.lineno}, tecken {error.colno}.",
        ) from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise InvalidInput.at(
            (*_FILE, "format"), "UNKNOWN_FILE_FORMAT", "Detta är ingen fil med en mall."
        )
    if found.get("formatVersion") != FORMAT_VERSION or isinstance(
        found["formatVersion"], bool | float
    ):
        message = (
            f"Filen är skriven i en annan version av formatet; här läses version {FORMAT_VERSION}."
        )
        raise InvalidInput.at((*_FILE, "formatVersion"), "UNKNOWN_FILE_FORMAT", message)
    try:
        return TemplateFile.model_validate(found)
    except ValidationError as error:
        raise InvalidInput(
            [
                Problem(problem.code, problem.message, (*_FILE, *problem.path))
                for problem in problems_of(error)
            ]
        ) from None


def _chain(file: TemplateFile) -> list[Version]:
    """The versions of a file with an intact chain.

    Each version must match its hash and point at the previous one. The last must be the version
    that the file was exported with.
    """
    previous: str | None = None
    chain = []
    for index, entry in enumerate(file.versions):
        path = (*_FILE, "versions", str(index))
        version = _version(file.template, entry, path)
        if entry.number != index + 1:
            raise _broken(path, "number", index + 1, "numret är ett annat")
        if entry.previous_hash != previous:
            raise _broken(path, "previousHash", entry.number, "den pekar inte på versionen före")
        if not _matches(version):
            raise _broken(
                path, "hash", entry.number, "innehållet eller uppgifterna om den är ändrade"
            )
        previous = version.hash
        chain.append(version)
    if len(chain) != file.template.latest_version:
        raise _broken(
            (*_FILE, "template"), "latestVersion", len(chain), "versioner saknas eller är för många"
        )
    if previous != file.template.hash:
        raise _broken((*_FILE, "template"), "hash", len(chain), "den sista versionen är en annan")
    return chain


def _version(template: FileTemplate, entry: FileVersion, path: Path) -> Version:
    try:
        created_at = parse_time(entry.created_at)
    except ValueError:
        raise _broken(path, "createdAt", entry.number, "tiden finns inte") from None
    derived, origin = entry.derived_from, entry.origin
    return Version(
        document=template.id,
        kind=template.kind,
        principal=template.principal,
        number=entry.number,
        content=entry.content,
        schema_version=entry.schema_version,
        author=records.Actor(
            entry.author.role, entry.author.unit, entry.author.employee_hsa_id, entry.author.system
        ),
        created_at=created_at,
        note=entry.note,
        derived_from=None if derived is None else Derivation(derived.template, derived.version),
        restored_from=entry.restored_from,
        hash=entry.hash,
        previous_hash=entry.previous_hash,
        sequence=0,
        origin=(
            None
            if origin is None
            else Origin(origin.document, origin.version, origin.hash, origin.principal)
        ),
    )


def _matches(version: Version) -> bool:
    try:
        return hash_of(version) == version.hash
    except TypeError:  # numbers that JSON cannot represent exactly, or too deep nesting
        return False


def _broken(path: Path, field: str, number: int, why: str) -> InvalidInput:
    return InvalidInput.at(
        (*path, field),
        "BROKEN_CHAIN",
        f"Filen är ändrad sedan den skrevs: version {number} stämmer inte, {why}.",
    )
