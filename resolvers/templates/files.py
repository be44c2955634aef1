"""A template as a file: written with all its versions, read back only if their chain of hashes is
whole.

The format is described in docs/formats/template-file.md and, as JSON Schema, in
template-file.schema.json
beside it. Nothing here reads or writes the registry.
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
    """A part of a file: API names, nothing unknown, nothing converted."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True, strict=True)


class Author(_Part):
    """Who wrote a version."""

    employee_hsa_id: str | None
    role: Annotated[Role, Field(strict=False)]
    unit: str | None
    system: bool


class DerivedFrom(_Part):
    """The template version that a version was made from, by the ids of the registry that it was
    made in.
    """

    template: _Id
    version: _Number


class ImportedFrom(_Part):
    """The version of another document that a version was imported from."""

    document: _Id
    version: _Number
    hash: _Hash
    principal: _HsaId


class FileVersion(_Part):
    """One version, with all that its hash covers."""

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
    """Whose chain it is, and how it stood when it was exported."""

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
class Taken:
    """A version of a file whose chain is whole: its index in the file, and its content as today's
    model has it.
    """

    index: int
    version: Version
    content: Mapping[str, Any]

    @property
    def origin(self) -> Origin:
        """What a version that is made from it comes from."""
        return Origin(
            self.version.document, self.version.number, self.version.hash, self.version.principal
        )


# -------------------------------------------------------------------- writing


def write(
    document: Document, principal_name: str, versions: Iterable[Version], *, at: datetime
) -> bytes:
    """The file of a template."""
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
    whole = {
        "format": FORMAT,
        "formatVersion": FORMAT_VERSION,
        "exportedAt": timestamp(at),
        "template": head,
        "versions": [version_as_json(version) for version in versions],
    }
    return orjson.dumps(whole)


def version_as_text(version: Version) -> bytes:
    """The same as it stands in the file, but for white space."""
    return orjson.dumps(version_as_json(version))


def version_as_json(version: Version) -> dict[str, Any]:
    """A version as it stands in a file."""
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


# -------------------------------------------------------------------- reading


def read(text: str, kind: Kind, number: int | None) -> Taken:
    """One version of a file, by its number or else the one in force, or the newest where none is;
    the whole chain is recomputed first.

    Raises:
        InvalidInput: It is no such file, or not of this format's version; or it was changed: with
            the version and the place.
    """
    file = _parse(text)
    if file.template.kind != kind.name:
        raise InvalidInput.at(
            (*_FILE, "template", "kind"),
            "UNKNOWN_FILE_FORMAT",
            f"Filen innehåller inget som kan hämtas hit som {kind.name}.",
        )
    chain = _chain(file)
    wanted = (
        number
        if number is not None
        else file.template.published_version or file.template.latest_version
    )
    if not 1 <= wanted <= len(chain):
        place = ("version",) if number is not None else (*_FILE, "template", "publishedVersion")
        raise InvalidInput.at(place, "UNKNOWN_VERSION", f"Mallen har ingen version {wanted}.")
    version = chain[wanted - 1]
    if version.schema_version > kind.schema_version:
        place = (*_FILE, "versions", str(wanted - 1), "schemaVersion")
        raise InvalidInput.at(
            place,
            "UNKNOWN_FILE_FORMAT",
            "Innehållet är av ett nyare slag än detta register kan läsa.",
        )
    return Taken(wanted - 1, version, kind.upcast(version.content, version.schema_version))


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
            [Problem(one.code, one.message, (*_FILE, *one.path)) for one in problems_of(error)]
        ) from None


def _chain(file: TemplateFile) -> list[Version]:
    """The versions, if each is what its hash says and points at the one before, and the last is the
    one that the file was exported with.
    """
    previous: str | None = None
    chain = []
    for index, one in enumerate(file.versions):
        place = (*_FILE, "versions", str(index))
        version = _version(file.template, one, place)
        if one.number != index + 1:
            raise _broken(place, "number", index + 1, "numret är ett annat")
        if one.previous_hash != previous:
            raise _broken(place, "previousHash", one.number, "den pekar inte på versionen före")
        if not _matches(version):
            raise _broken(
                place, "hash", one.number, "innehållet eller uppgifterna om den är ändrade"
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


def _version(template: FileTemplate, one: FileVersion, place: Path) -> Version:
    try:
        created_at = datetime.fromisoformat(one.created_at)
    except ValueError:
        raise _broken(place, "createdAt", one.number, "tiden finns inte") from None
    derived, origin = one.derived_from, one.origin
    return Version(
        document=template.id,
        kind=template.kind,
        principal=template.principal,
        number=one.number,
        content=one.content,
        schema_version=one.schema_version,
        author=records.Actor(
            one.author.role, one.author.unit, one.author.employee_hsa_id, one.author.system
        ),
        created_at=created_at,
        note=one.note,
        derived_from=None if derived is None else Derivation(derived.template, derived.version),
        restored_from=one.restored_from,
        hash=one.hash,
        previous_hash=one.previous_hash,
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
    except TypeError:  # numbers that JSON can't be sure of, or nesting without end
        return False


def _broken(place: Path, field: str, number: int, why: str) -> InvalidInput:
    return InvalidInput.at(
        (*place, field),
        "BROKEN_CHAIN",
        f"Filen är ändrad sedan den skrevs: version {number} stämmer inte, {why}.",
    )
