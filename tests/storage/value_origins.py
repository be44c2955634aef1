"""Documents on several levels, and the origins of their values."""

from typing import Any

from resolvers.kinds.case_types import CASE_TYPE
from resolvers.kinds.validation import validate
from store.content.merge import MergeSide, merge
from store.documents.blame import ValueOrigin
from store.kinds.kinds import Kind
from store.records import (
    Act,
    Actor,
    Content,
    Derivation,
    Document,
    Owner,
    OwnerKind,
    Role,
    Saved,
    Version,
)
from store.registry import Store
from tests.storage.building import (
    BJORKEN,
    BY_ANNA,
    STOCKHOLM,
    document_of,
    head_of,
)

INERA = "SE5565594230"


BY_NILS = Act(Actor(Role.NATIONAL_ADMINISTRATOR, INERA, "SE5565594230-NN"))


BY_LARS = Act(Actor(Role.LOCAL_ADMINISTRATOR, BJORKEN, f"{STOCKHOLM}-LL"))


def content(introduction: str = "Ett", **other: Any) -> Content:
    return validate(
        CASE_TYPE,
        {"name": "Förnya recept", "internalName": "FR", "introduction": introduction, **other},
    )


async def create(
    store: Store,
    kind: Kind,
    owner: str,
    source: Version | None = None,
    *,
    act: Act,
    initial: Content | None = None,
) -> Document:
    """Create a document of a principal, or of a clinic in Stockholm.

    With a source, it is derived from that template version.
    """
    clinic = owner == BJORKEN
    saved = await store.documents.create(
        kind,
        principal=STOCKHOLM if clinic else owner,
        owner=Owner(OwnerKind.CLINIC if clinic else OwnerKind.PRINCIPAL, owner),
        content=initial or (source.content if source else content()),
        derived_from=Derivation(source.document, source.number) if source else None,
        act=act,
    )
    return document_of(saved)


async def edit_document(
    store: Store, document: Document, *, act: Act = BY_ANNA, **patch: Any
) -> Document:
    head = await head_of(store, document)

    def change(newest: Content) -> Content:
        return validate(CASE_TYPE, {**newest, **patch})

    return document_of(
        await store.documents.update(
            head, edit=change, expected_version=head.latest, publish=False, act=act
        )
    )


async def adopt(
    store: Store,
    document: Document,
    theirs: Version,
    side: MergeSide = MergeSide.OURS,
    *,
    act: Act = BY_ANNA,
) -> Saved:
    """Adopt a template version, and resolve every conflict to one side."""
    head = await head_of(store, document)

    def merge_contents(base: Version, head: Document) -> Content:
        conflicts = merge(base.content, head.content, theirs.content, CASE_TYPE.fields).conflicts
        return merge(
            base.content,
            head.content,
            theirs.content,
            CASE_TYPE.fields,
            {conflict.path: side for conflict in conflicts},
        ).content

    return await store.template_adoptions.adopt(
        head, theirs=theirs, merge=merge_contents, expected_version=head.latest, act=act
    )


async def version_of(store: Store, document: Document, number: int | None = None) -> Version:
    head = await head_of(store, document)
    key = (document.id, number or head.latest)
    return (await store.documents.get_versions([key]))[key]


async def origins_of(
    store: Store, document: Document, number: int | None = None
) -> dict[str, ValueOrigin]:
    [origins] = (
        await store.blame.of([(document.id, number or (await head_of(store, document)).latest)])
    ).values()
    return {origin.path: origin for origin in origins}


def origin_of(origin: ValueOrigin) -> tuple[int, str, int]:
    return origin.since, origin.document, origin.version
