"""Documents that derive from a template: lineages, clinics that have them, and drift.

A model that walks up from each document checks lineages of any form.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count

from bson import ObjectId
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resolvers.kinds.case_types import CASE_TYPE, CASE_TYPE_TEMPLATE
from store.clinics.filters import ClinicScope
from store.content.comparison import drift
from store.documents.heads import LogPosition, NewDocument
from store.documents.heads import created as new_document
from store.mongo.rows import document_row
from store.records import Derivation, Document, DocumentState, Owner, OwnerKind
from store.registry import Store
from store.templates.drift import DriftKey
from store.templates.lineage import MAX_LEVELS, ClinicCountKey
from tests.storage.building import (
    BJORKEN,
    BY_ANNA,
    EKEN,
    LINDEN,
    STOCKHOLM,
    content,
    distributed,
    document_of,
    head_of,
    published,
    with_clinics,
)

AT = datetime(2026, 11, 25, tzinfo=UTC)
RUNS = count()


@dataclass(frozen=True)
class Drawn:
    """A document of a drawn lineage; `parent` is the position of an earlier one in the list."""

    template: bool
    parent: int | None
    version: int
    latest: int
    published: int | None
    archived: bool


@st.composite
def lineages(draw: st.DrawFn) -> list[Drawn]:
    """Up to 14 documents, templates and case types, of any depth and breadth."""
    drawn: list[Drawn] = []
    for _ in range(draw(st.integers(1, 14))):
        latest = draw(st.integers(1, 4))
        templates = [position for position, document in enumerate(drawn) if document.template]
        parent = draw(st.sampled_from([None, *templates]))
        version = draw(st.integers(1, drawn[parent].latest)) if parent is not None else 1
        in_force = draw(st.none() | st.integers(1, latest))
        drawn.append(
            Drawn(draw(st.booleans()), parent, version, latest, in_force, draw(st.booleans()))
        )
    return drawn


def heads_of(drawn: Sequence[Drawn]) -> list[Document]:
    """The heads of a drawn lineage, with ids of this run."""
    run = next(RUNS)
    kinds = [CASE_TYPE_TEMPLATE if document.template else CASE_TYPE for document in drawn]
    ids = [f"{kind.prefix}_{run:08x}{position:016x}" for position, kind in enumerate(kinds)]
    heads = []
    for position, (document, kind) in enumerate(zip(drawn, kinds, strict=True)):
        new = NewDocument(ids[position], kind, STOCKHOLM, Owner(OwnerKind.PRINCIPAL, STOCKHOLM))
        derived = (
            None if document.parent is None else Derivation(ids[document.parent], document.version)
        )
        head, _ = new_document(
            new, content(), derived_from=derived, act=BY_ANNA, position=LogPosition(AT, 1)
        )
        state = DocumentState.ARCHIVED if document.archived else DocumentState.ACTIVE
        heads.append(
            replace(head, latest=document.latest, published=document.published, state=state)
        )
    return heads


def path_up(drawn: Sequence[Drawn], position: int, root: int) -> tuple[int, bool] | None:
    """How many steps a document is below a root, and whether any of them is behind.

    None if the document does not come from the root.
    """
    depth, behind = 0, False
    while position != root:
        parent = drawn[position].parent
        if parent is None:
            return None
        behind = behind or drawn[position].version < (
            drawn[parent].published or drawn[parent].latest
        )
        position, depth = parent, depth + 1
    return depth, behind


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(lineages())
async def test_descendants_are_those_that_a_walk_up_from_each_document_finds(
    store: Store, drawn: list[Drawn]
) -> None:
    heads = heads_of(drawn)
    await store.database["documents"].insert_many([document_row(head) for head in heads])
    positions = {head.id: position for position, head in enumerate(heads)}

    found = await store.lineage.descendants([head.id for head in heads])

    for root, head in enumerate(heads):
        expected = {
            heads[position].id: steps
            for position in range(len(drawn))
            if position != root and (steps := path_up(drawn, position, root)) is not None
        }
        assert {
            descendant.id: (descendant.depth, descendant.behind) for descendant in found[head.id]
        } == expected
        assert all(
            (descendant.state is DocumentState.ARCHIVED) == drawn[positions[descendant.id]].archived
            for descendant in found[head.id]
        )


async def test_a_ring_of_templates_is_followed_once(store: Store) -> None:
    first, second = heads_of(
        [Drawn(True, None, 1, 1, 1, archived=False), Drawn(True, 0, 1, 1, 1, archived=False)]
    )
    # No write creates a ring, but a read of one must end.
    ring = replace(first, derived_from=Derivation(second.id, 1))
    await store.database["documents"].insert_many([document_row(ring), document_row(second)])

    found = await store.lineage.descendants([ring.id])

    assert [descendant.id for descendant in found[ring.id]] == [second.id]


async def test_a_lineage_is_followed_down_to_the_limit(store: Store) -> None:
    heads = heads_of(
        [
            Drawn(True, position - 1 if position else None, 1, 1, 1, archived=False)
            for position in range(MAX_LEVELS + 5)
        ]
    )
    await store.database["documents"].insert_many([document_row(head) for head in heads])

    found = await store.lineage.descendants([heads[0].id])

    assert [descendant.depth for descendant in found[heads[0].id]] == list(range(1, MAX_LEVELS + 1))


async def test_each_clinic_that_has_a_document_now_is_counted_once(store: Store) -> None:
    await with_clinics(store, BJORKEN, LINDEN, EKEN)
    first, second = await published(store), await published(store)
    await distributed(store, first, BJORKEN, LINDEN)
    await distributed(store, second, LINDEN, EKEN)
    await store.documents.archive(second, expected_version=1, act=BY_ANNA)
    third = await published(store)
    await distributed(store, third, LINDEN)
    in_two, archived, in_scope = (
        ClinicCountKey((first.id, third.id)),
        ClinicCountKey((second.id,)),
        ClinicCountKey((first.id, third.id), ClinicScope(frozenset(), frozenset({LINDEN, EKEN}))),
    )

    assert await store.lineage.clinics([in_two, archived, in_scope, ClinicCountKey(())]) == {
        in_two: 2,
        archived: 0,
        in_scope: 1,
        ClinicCountKey(()): 0,
    }
    assert await store.lineage.clinics_by_principal([in_two, archived]) == {
        in_two: {STOCKHOLM: 2},
        archived: {},
    }


async def test_more_than_a_hundred_templates_are_counted_in_one_call(store: Store) -> None:
    await with_clinics(store, BJORKEN)
    case_type = await published(store)
    await distributed(store, case_type, BJORKEN)
    keys = [ClinicCountKey((case_type.id, f"ct_{ObjectId()}")) for _ in range(130)]

    assert list((await store.lineage.clinics(keys)).values()) == [1] * 130


# ------------------------------------------------------------------ drift

FIELDS = CASE_TYPE.fields


def questions(*labels: str) -> list[dict[str, str]]:
    return [{"key": label[:1].lower(), "label": label, "kind": "SHORT_TEXT"} for label in labels]


def test_drift_is_the_share_of_values_that_differ() -> None:
    before = content("Ett", questions=questions("A", "B"))
    renamed = content("Ett", questions=questions("A", "Bättre"))

    # Compared: name, introduction, submittable, onContactCard, language; listedOnly,
    # referralRequired and proxyAllowed of the restrictions; key, label, kind and required of each
    # question.
    assert drift(before, renamed, FIELDS) == 7  # 1 of 16, rounded up
    assert drift(before, before, FIELDS) == 0
    assert drift(before, content("Ett", questions=questions("B", "A")), FIELDS) == 0, (
        "order is no drift"
    )
    assert drift(before, content("Ett", questions=questions("A")), FIELDS) == 25  # 4 of 16
    assert drift(before, {**before, "internalName": "Annat"}, FIELDS) == 0
    assert drift({}, {}, FIELDS) == 0
    assert drift({"name": "A"}, {"name": "B"}, FIELDS) == 100
    assert drift({"onContactCard": True}, {"onContactCard": 1}, FIELDS) == 100, "true is not 1"


texts = st.sampled_from(["", "A", "B", "C"])
contents = st.builds(
    lambda name, introduction, labels: content(
        introduction, name=name, questions=questions(*labels)
    ),
    st.sampled_from(["A", "B"]),
    texts,
    st.lists(
        st.sampled_from(["Annat", "Aj", "Bara", "Cykel"]),
        max_size=3,
        unique_by=lambda label: label[0],
    ),
)


@given(contents, contents)
def test_drift_is_symmetric_and_zero_only_between_equals(
    first: dict[str, object], second: dict[str, object]
) -> None:
    forwards, backwards = drift(first, second, FIELDS), drift(second, first, FIELDS)

    def sorted_by_key(value: dict[str, object]) -> dict[str, object]:
        return {
            **value,
            "questions": sorted(value["questions"], key=lambda question: question["key"]),  # type: ignore[call-overload]
        }

    assert forwards == backwards
    assert 0 <= forwards <= 100
    assert (forwards == 0) == (sorted_by_key(first) == sorted_by_key(second))


async def test_drift_is_measured_from_the_version_that_a_document_derives_from(
    store: Store,
) -> None:
    template = document_of(
        await store.documents.create(
            CASE_TYPE_TEMPLATE,
            principal=STOCKHOLM,
            owner=Owner(OwnerKind.PRINCIPAL, STOCKHOLM),
            content=content("Ett"),
            derived_from=None,
            act=BY_ANNA,
        )
    )
    derived = document_of(
        await store.documents.create(
            CASE_TYPE,
            principal=STOCKHOLM,
            owner=template.owner,
            content=content("Ett"),
            derived_from=Derivation(template.id, 1),
            act=BY_ANNA,
        )
    )
    await store.documents.update(
        template,
        edit=lambda now: {**now, "name": "Helt nytt"},
        expected_version=1,
        publish=True,
        act=BY_ANNA,
    )
    await store.documents.update(
        derived,
        edit=lambda now: {**now, "introduction": "Två"},
        expected_version=1,
        publish=False,
        act=BY_ANNA,
    )
    head = await head_of(store, derived)
    first: DriftKey = (derived.id, 1, head.hash)
    second: DriftKey = (derived.id, 2, head.hash)
    other: DriftKey = (template.id, 1, template.hash)

    assert await store.drifts.of([first, second, other]) == {
        first: 0,
        second: 13,
    }  # 1 of 8; the template is derived from nothing
    assert await store.drifts.of([second]) == {second: 13}, "the cached drift is the same"
