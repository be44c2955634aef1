"""Adoption of a newer template version by a document, with a preview.

This is a three-way merge. One side is the newest content of the document, drafts included; the
other is a version of the template that the viewer sees. The base is the template version that the
document's newest version was made from. The result must follow the rules for any edit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from resolvers.access import decisions
from resolvers.access.permissions import Permission
from resolvers.access.rights import HeldRole
from resolvers.context import Context
from resolvers.documents import documents, open_page_links, versions
from resolvers.kinds.validation import MAX_PROBLEMS, validate
from store.content import diff
from store.content.diff import Change
from store.content.merge import Conflict, MergeResult, MergeSide, merge
from store.errors import InvalidInput, MergeConflict, Problem
from store.idempotency import IdempotencyKey
from store.kinds.kinds import Kinds
from store.records import Content, Document, Saved, Version
from store.templates.adoptions import common_version, not_derived

_MAX_RESOLUTIONS = 5000


@dataclass(frozen=True, slots=True)
class Resolution:
    """The side to take in a conflict."""

    path: str
    take: MergeSide


@dataclass(frozen=True, slots=True)
class AdoptionPreview:
    """The result that an adoption would have.

    Attributes:
        document: The document as it is now.
        base: The template version that its newest version was made from.
        theirs: The template version to adopt.
        changes: How the newest content of the document would change.
        conflicts: The conflicts that no resolution decides.
        problems: The rules that the merged content breaks: the adoption would be refused.
        content: The merged content; None where conflicts are left.
    """

    document: Document
    base: int
    theirs: Version
    changes: Sequence[Change]
    conflicts: Sequence[Conflict]
    problems: Sequence[Problem]
    content: Content | None


async def adopt(
    context: Context,
    document_id: str,
    *,
    expected_version: int,
    template_version: int | None,
    resolutions: Sequence[Resolution],
    note: str | None,
    key: IdempotencyKey | None,
) -> Saved:
    """Write a draft version that adopts a newer template version.

    Raises:
        NotFound: There is no such document, or the viewer may not know of it.
        NotPermitted: The viewer may not edit it.
        MergeConflict: Both sides changed values that no resolution decides.
        InvalidInput: There is nothing to adopt, a resolution matches no conflict, or the merged
            content breaks a rule.
        VersionConflict: `expected_version` is not the newest version.
    """
    document, held, adoption = await _prepare(context, document_id, template_version, resolutions)
    return await context.store.template_adoptions.adopt(
        document,
        theirs=adoption.theirs,
        merge=adoption.content,
        expected_version=expected_version,
        act=context.act(held, note),
        key=key,
    )


async def preview(
    context: Context,
    document_id: str,
    template_version: int | None,
    resolutions: Sequence[Resolution],
) -> AdoptionPreview:
    """Merge without writing: report the changes, the conflicts, and the broken rules.

    Raises:
        NotFound: There is no such document, or the viewer may not know of it.
        NotPermitted: The viewer may not edit it.
        InvalidInput: There is nothing to adopt, or a resolution matches no conflict.
    """
    document, _, adoption = await _prepare(context, document_id, template_version, resolutions)
    derived = common_version(document, adoption.theirs)
    base = await context.loaders.versions.load((derived.template, derived.version))
    if base is None:
        raise LookupError(
            f"version {derived.version} of {derived.template}, which {document.id} comes from"
        )
    merged = adoption.merged(base, document)
    kind = context.store.kinds[document.kind]
    problems: Sequence[Problem] = ()
    if not merged.conflicts:
        try:
            adoption.checked(document, merged.content)
        except InvalidInput as refusal:
            problems = refusal.problems
    return AdoptionPreview(
        document=document,
        base=derived.version,
        theirs=adoption.theirs,
        changes=diff.diff(
            kind.upcast(document.content, document.schema_version), merged.content, kind.fields
        ),
        conflicts=merged.conflicts,
        problems=problems,
        content=None if merged.conflicts else merged.content,
    )


@dataclass(frozen=True, slots=True)
class _Adoption:
    """A template version to adopt, with all data that the merge needs.

    All of it is read beforehand, so that the writing transaction only computes.

    Attributes:
        kinds: The kinds, with their content models.
        theirs: The template version to adopt.
        resolutions: The caller's decisions.
        visible_base: The number of the base version; None where the viewer may not see it.
        open_page_links: Whether the principal allows open page links.
    """

    kinds: Kinds
    theirs: Version
    resolutions: Sequence[Resolution]
    visible_base: int | None
    open_page_links: bool

    def content(self, base: Version, document: Document) -> Content:
        """The next content of the document.

        Raises:
            MergeConflict: There are conflicts without a resolution.
            InvalidInput: A resolution matches no conflict, or the content breaks a rule.
        """
        merged = self.merged(base, document)
        if merged.conflicts:
            raise MergeConflict(merged.conflicts)
        return self.checked(document, merged.content)

    def merged(self, base: Version, document: Document) -> MergeResult:
        """The merge, with the conflicts that are left.

        Conflicts have no base value where the viewer may not see that template version.

        Raises:
            InvalidInput: A resolution matches no conflict.
        """
        kind = self.kinds[document.kind]
        merged = merge(
            self._upcast(base),
            kind.upcast(document.content, document.schema_version),
            self._upcast(self.theirs),
            kind.fields,
            {resolution.path: resolution.take for resolution in self.resolutions},
        )
        problems = _superfluous(self.resolutions, merged.superfluous)
        if problems:
            raise InvalidInput(problems[:MAX_PROBLEMS])
        if base.number == self.visible_base:
            return merged
        return replace(
            merged, conflicts=tuple(replace(conflict, base=None) for conflict in merged.conflicts)
        )

    def checked(self, document: Document, content: Content) -> Content:
        """The content in the form in which it is stored, checked by the rules for any edit.

        Raises:
            InvalidInput: It breaks some rule.
        """
        kind = self.kinds[document.kind]
        checked = validate(kind, content)
        links = checked.get("links", ())
        if not self.open_page_links and links != kind.upcast(
            document.content, document.schema_version
        ).get("links", ()):
            problems = open_page_links.problems_of(links)
            if problems:
                raise InvalidInput(problems)
        return checked

    def _upcast(self, version: Version) -> Content:
        return self.kinds[version.kind].upcast(version.content, version.schema_version)


async def _prepare(
    context: Context,
    document_id: str,
    template_version: int | None,
    resolutions: Sequence[Resolution],
) -> tuple[Document, HeldRole, _Adoption]:
    """Check the rights of the viewer, and read all that the merge needs."""
    document, held = decisions.require(
        context.rights, Permission.EDIT, await documents.get(context, document_id)
    )
    if len(resolutions) > _MAX_RESOLUTIONS:
        raise InvalidInput.at(
            ("resolutions",), "TOO_MANY", f"Högst {_MAX_RESOLUTIONS} val åt gången."
        )
    template = await documents.template_of(context, document.derived_from)
    if template is None or document.derived_from is None:
        raise not_derived()
    number = (
        template_version if template_version is not None else template.published or template.latest
    )
    theirs = await versions.get(context, template, number)
    if theirs is None:
        raise InvalidInput.at(
            ("templateVersion",), "UNKNOWN_VERSION", f"Mallen har ingen version {number}."
        )
    base = await versions.get(context, template, document.derived_from.version)
    policies = await context.store.policies.of(document.principal)
    adoption = _Adoption(
        kinds=context.store.kinds,
        theirs=theirs,
        resolutions=resolutions,
        visible_base=base.number if base else None,
        open_page_links=policies.open_page_links,
    )
    return document, held, adoption


def _superfluous(resolutions: Sequence[Resolution], superfluous: frozenset[str]) -> list[Problem]:
    """The resolutions that match no conflict or repeat an earlier one, as problems."""
    seen: set[str] = set()
    problems = []
    for index, resolution in enumerate(resolutions):
        if resolution.path in superfluous or resolution.path in seen:
            message = (
                "Ta bort valet: här finns ingen konflikt, eller så är den redan avgjord av ett"
                " tidigare val."
            )
            problems.append(
                Problem("NOT_IN_CONFLICT", message, ("resolutions", str(index), "path"))
            )
        seen.add(resolution.path)
    return problems
