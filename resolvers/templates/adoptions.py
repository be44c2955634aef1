"""Taking a newer template version over into a document, and trying it first: who may, and what is
decided how.

The document's side is its newest content, drafts included; the template's is a version that the
viewer sees. Both come from the version that the
document's newest version was made from. The result is held to the same rules as any edit.
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
from store.content.merge import Conflict, Merged, MergeSide, merge
from store.errors import InvalidInput, MergeConflict, Problem
from store.kinds.kinds import Kinds
from store.mongo.transactions import IdempotencyKey
from store.records import Content, Document, Saved, Version
from store.templates.adoptions import common_version, not_derived

_MAX_RESOLUTIONS = 5000


@dataclass(frozen=True, slots=True)
class Resolution:
    """The side to take in one conflict."""

    path: str
    take: MergeSide


@dataclass(frozen=True, slots=True)
class Trial:
    """What taking a template version over would come to.

    `content` is None where conflicts are left. `problems` are the rules that the merged content
    breaks: it would be refused.
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
    """Write the draft version with which a newer template version is taken over.

    Raises:
        MergeConflict: Both sides changed values that no resolution decides.
        InvalidInput: There is nothing to take over, a resolution is for no conflict, or the merged
            content breaks a rule.
    """
    document, held, takeover = await _takeover(context, document_id, template_version, resolutions)
    return await context.store.template_adoptions.adopt(
        document,
        theirs=takeover.theirs,
        merge=takeover.content,
        expected_version=expected_version,
        act=context.act(held, note),
        key=key,
    )


async def check(
    context: Context,
    document_id: str,
    template_version: int | None,
    resolutions: Sequence[Resolution],
) -> Trial:
    """The same, but nothing is written: what would change, what is in conflict, and what would be
    refused.
    """
    document, _, takeover = await _takeover(context, document_id, template_version, resolutions)
    derived = common_version(document, takeover.theirs)
    base = await context.loaders.versions.load((derived.template, derived.version))
    if base is None:
        raise LookupError(
            f"version {derived.version} of {derived.template}, which {document.id} comes from"
        )
    merged = takeover.merged(base, document)
    kind = context.store.kinds[document.kind]
    problems: Sequence[Problem] = ()
    if not merged.conflicts:
        try:
            takeover.checked(document, merged.content)
        except InvalidInput as refusal:
            problems = refusal.problems
    return Trial(
        document=document,
        base=derived.version,
        theirs=takeover.theirs,
        changes=diff.diff(
            kind.upcast(document.content, document.schema_version), merged.content, kind.fields
        ),
        conflicts=merged.conflicts,
        problems=problems,
        content=None if merged.conflicts else merged.content,
    )


@dataclass(frozen=True, slots=True)
class _Takeover:
    """One template version to take over, and all that decides how, read beforehand: the writing
    transaction only computes.
    """

    kinds: Kinds
    theirs: Version
    resolutions: Sequence[Resolution]
    seen: int | None
    open_page_links: bool

    def content(self, base: Version, document: Document) -> Content:
        """The next content.

        Raises:
            MergeConflict: Values are in conflict.
            InvalidInput: A resolution is for no conflict, or the content breaks a rule.
        """
        merged = self.merged(base, document)
        if merged.conflicts:
            raise MergeConflict(merged.conflicts)
        return self.checked(document, merged.content)

    def merged(self, base: Version, document: Document) -> Merged:
        """The merge as far as it goes. The common value is not told to who may not see that version
        of the template.

        Raises:
            InvalidInput: A resolution is for no conflict.
        """
        kind = self.kinds[document.kind]
        merged = merge(
            self._today(base),
            kind.upcast(document.content, document.schema_version),
            self._today(self.theirs),
            kind.fields,
            {resolution.path: resolution.take for resolution in self.resolutions},
        )
        problems = _misplaced(self.resolutions, merged.superfluous)
        if problems:
            raise InvalidInput(problems[:MAX_PROBLEMS])
        if base.number == self.seen:
            return merged
        return replace(
            merged, conflicts=tuple(replace(conflict, base=None) for conflict in merged.conflicts)
        )

    def checked(self, document: Document, content: Content) -> Content:
        """The content in the form in which it is stored, held to the rules of any edit.

        Raises:
            InvalidInput: It breaks some.
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

    def _today(self, version: Version) -> Content:
        return self.kinds[version.kind].upcast(version.content, version.schema_version)


async def _takeover(
    context: Context,
    document_id: str,
    template_version: int | None,
    resolutions: Sequence[Resolution],
) -> tuple[Document, HeldRole, _Takeover]:
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
    takeover = _Takeover(
        kinds=context.store.kinds,
        theirs=theirs,
        resolutions=resolutions,
        seen=base.number if base else None,
        open_page_links=policies.open_page_links,
    )
    return document, held, takeover


def _misplaced(resolutions: Sequence[Resolution], superfluous: frozenset[str]) -> list[Problem]:
    """The resolutions for what is in no conflict, or was decided by an earlier one."""
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
