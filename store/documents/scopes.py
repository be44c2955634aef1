"""Which documents a caller can see, as data.

A scope decides for one document that has been read, and filters a list in MongoDB. A test checks
that the two give the same result.
"""

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any, Protocol

from store.records import Owner, OwnerKind

NOTHING: dict[str, Any] = {"_id": {"$in": []}}


class Visibility(IntEnum):
    """How much of a document a caller sees: nothing, versions ever published, or drafts too."""

    NOTHING = 0
    RELEASED = 1
    ALL = 2


class ScopedDocument(Protocol):
    """The properties of a document that decide its visibility."""

    @property
    def kind(self) -> str:
        """The name of the document's kind."""

    @property
    def principal(self) -> str:
        """The principal whose log the document belongs to."""

    @property
    def owner(self) -> Owner:
        """The principal itself or one of its clinics."""

    @property
    def published(self) -> int | None:
        """The number of the published version."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose documents a caller sees, and how much of them.

    Attributes:
        principals: Everything in these principals' logs, their clinics' documents and drafts
            included.
        clinics: Everything that these clinics own, drafts included.
        clinics_in: Everything that any clinic of these principals owns, drafts included.
        released_in: What is published in these principals' logs, their clinics' included.
        released_of: What these principals and clinics own and have published.
        released_templates_of: What these principals and clinics own of `template_kinds` and have
            published.
        released_central: What any principal (not clinic) owns and has published.
        template_kinds: The kinds that count as templates.
        released_kinds: What any principal (not clinic) owns of these kinds and has published.
        within: The principals whose logs contain everything that is visible, except what
            `released_kinds` adds; None where that is not known. It only narrows MongoDB's search.
    """

    principals: frozenset[str] = frozenset()
    clinics: frozenset[str] = frozenset()
    clinics_in: frozenset[str] = frozenset()
    released_in: frozenset[str] = frozenset()
    released_of: frozenset[str] = frozenset()
    released_templates_of: frozenset[str] = frozenset()
    released_central: bool = False
    template_kinds: frozenset[str] = frozenset()
    released_kinds: frozenset[str] = frozenset()
    within: frozenset[str] | None = None

    def visibility(self, document: ScopedDocument) -> Visibility:
        """Return how much of a document the caller sees."""
        owner = document.owner.key
        own_clinic = (
            document.owner.kind is OwnerKind.CLINIC and document.principal in self.clinics_in
        )
        if document.principal in self.principals or owner in self.clinics or own_clinic:
            return Visibility.ALL
        if document.published is None:
            return Visibility.NOTHING
        released = (
            owner in self.released_of
            or document.principal in self.released_in
            or (owner in self.released_templates_of and document.kind in self.template_kinds)
            or (
                document.owner.kind is OwnerKind.PRINCIPAL
                and (self.released_central or document.kind in self.released_kinds)
            )
        )
        return Visibility.RELEASED if released else Visibility.NOTHING

    def where(self) -> dict[str, Any]:
        """Return a MongoDB filter for the documents that the caller sees at all."""
        branches = [*self._whole(), *self._released()]
        return {"$or": branches} if branches else NOTHING

    def split_released_kinds(self) -> tuple["Scope", "Scope"]:
        """Split into two scopes: without `released_kinds`, and with nothing else.

        The first one covers few principals, the second one all. A document can be in both.
        """
        return replace(self, released_kinds=frozenset()), Scope(released_kinds=self.released_kinds)

    def of_kind(self, kind: str) -> "Scope":
        """Return a simpler scope that gives the same result for the documents of one kind.

        It leaves out what concerns other kinds, and what is visible with drafts anyway: MongoDB
        chooses better indexes for it.
        """
        return replace(
            self,
            released_in=self.released_in - self.principals,
            released_of=self.released_of - self.principals - self.clinics,
            released_templates_of=(
                self.released_templates_of - self.principals - self.clinics
                if kind in self.template_kinds
                else frozenset()
            ),
            released_kinds=self.released_kinds & {kind},
        )

    def owners(self) -> frozenset[str] | None:
        """Return the owners of everything that is visible; None where they cannot be listed."""
        if (
            self.released_kinds
            or self.principals
            or self.clinics_in
            or self.released_in
            or self.released_central
        ):
            return None
        return self.clinics | self.released_of | self.released_templates_of

    def parts(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return two disjoint filters: visible with drafts, and visible only as released."""
        whole, released = self._whole(), self._released()
        only = {"$and": [{"$or": released}, {"$nor": whole}]} if whole else {"$or": released}
        return {"$or": whole} if whole else NOTHING, only if released else NOTHING

    def _whole(self) -> list[dict[str, Any]]:
        branches: list[dict[str, Any]] = []
        if self.principals:
            branches.append({"principal": {"$in": sorted(self.principals)}})
        if self.clinics:
            branches.append({"owner.key": {"$in": sorted(self.clinics)}})
        if self.clinics_in:
            branches.append(
                {"owner.kind": str(OwnerKind.CLINIC), "principal": {"$in": sorted(self.clinics_in)}}
            )
        return branches

    def _released(self) -> list[dict[str, Any]]:
        released: list[dict[str, Any]] = []
        if self.released_of:
            released.append({"owner.key": {"$in": sorted(self.released_of)}})
        if self.released_in:
            released.append({"principal": {"$in": sorted(self.released_in)}})
        if self.released_templates_of:
            released.append(
                {
                    "owner.key": {"$in": sorted(self.released_templates_of)},
                    "kind": {"$in": sorted(self.template_kinds)},
                }
            )
        if self.released_central:
            released.append({"owner.kind": str(OwnerKind.PRINCIPAL)})
        if self.released_kinds:
            released.append(
                {
                    "owner.kind": str(OwnerKind.PRINCIPAL),
                    "kind": {"$in": sorted(self.released_kinds)},
                }
            )
        return [clause | {"published": {"$ne": None}} for clause in released]
