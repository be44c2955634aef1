"""Reports equal what the same viewer counts in the lists, after any acts.

A report on a past time equals the report that was returned at that time.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from statistics import median
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings

from tests.api.acts_at_random import CLINICS, act, lists_of_acts
from tests.callers import BJORKEN, STOCKHOLM, Caller, Json
from tests.world import CONTENT, World

START = "2026-01-01T00:00:00Z"
NOW = """query($asOf: DateTime) { reports(principal: "SE2321000016") {
    caseTypesPerClinic(asOf: $asOf, first: 100) { totalCount edges { node {
        clinic { hsaId } caseTypes distributed followed own } } }
    clinicsPerCaseType(asOf: $asOf, first: 100) { totalCount edges { node {
        caseType { id } version clinics distributed followed
        adoption { assigned acknowledged pending unseen byVersion { version clinics since } } } } }
    clinicsBehind(asOf: $asOf, first: 100) { totalCount edges { node {
        clinic { hsaId } caseTypes since } } } } }"""


def nodes(connection: Json) -> list[Json]:
    return [edge["node"] for edge in connection["edges"]]


@settings(
    max_examples=4,
    deadline=None,
    phases=(
        Phase.explicit,
        Phase.generate,
    ),  # each example continues where the previous one ended, so none can be shrunk alone
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(lists_of_acts)
async def test_reports_agree_with_the_lists_and_with_earlier_reports(
    world: World, acts: list[tuple[str, int, int, int]]
) -> None:
    case_types = sorted(row["id"] for row in nodes((await world.region.ask(CENTRAL))["caseTypes"]))
    if len(case_types) < 2:
        other = await world.draft(CONTENT | {"name": "Boka tid"})
        await world.region.done(
            "documentPublish", "event { id }", id=other, version=1, expectedVersion=1
        )
        case_types = sorted([world.case_type, other])
    reports_at: dict[str, Json] = {}

    for kind, which, where, number in acts:
        at = await act(world, case_types, kind, which, where, number)
        if at is not None:
            reports_at[at] = await world.region.ask(NOW)

    for moment, expected in reports_at.items():
        assert await world.region.ask(NOW, asOf=moment) == expected, moment
    for caller in (world.region, world.reporter, world.national, world.staff):
        await agree_with_assignments(caller, None)
        await agree_with_assignments(caller, min(reports_at, default=START))
        await agree_on_texts(caller)
    await agree_on_times(world.region, CLINICS)
    await agree_on_times(world.staff, [BJORKEN])
    await agree_on_edits(world.region)


CENTRAL = (
    "{ caseTypes(filter: { scope: CENTRAL, state: [DRAFT, ACTIVE, INACTIVE, ARCHIVED] }, first:"
    " 100) { edges { node { id } } } }"
)
LIST = """query($asOf: DateTime, $behind: Boolean) { assignments(
    filter: { principal: "SE2321000016", behindOnly: $behind }, asOf: $asOf, first: 100) {
    totalCount edges { node { origin acknowledgedVersion clinic { hsaId }
        caseType { id scope publishedVersion adoption { assigned pending unseen } } } } } }"""


async def agree_with_assignments(caller: Caller, moment: str | None) -> None:
    """Reports on distribution agree with the list of assignments."""
    reports = (await caller.ask(NOW, asOf=moment))["reports"]
    rows = nodes((await caller.ask(LIST, asOf=moment))["assignments"])

    per_clinic = {row["clinic"]["hsaId"]: row for row in nodes(reports["caseTypesPerClinic"])}
    counts = Counter((row["clinic"]["hsaId"], row["origin"]) for row in rows)
    for clinic, row in per_clinic.items():
        by_origin = [counts[clinic, origin] for origin in ("DISTRIBUTED", "FOLLOWED", "OWN")]
        assert ([row["distributed"], row["followed"], row["own"]], row["caseTypes"]) == (
            by_origin,
            sum(by_origin),
        )
    assert {clinic for clinic, _ in counts} <= set(per_clinic)
    central = Counter(
        row["caseType"]["id"] for row in rows if row["caseType"]["scope"] == "CENTRAL"
    )
    assert {
        row["caseType"]["id"]: row["clinics"] for row in nodes(reports["clinicsPerCaseType"])
    } == central
    if moment is None:
        adoptions = {
            row["caseType"]["id"]: row["adoption"] for row in nodes(reports["clinicsPerCaseType"])
        }
        for row in rows:
            if row["caseType"]["scope"] == "CENTRAL":
                assert (
                    row["caseType"]["adoption"].items() <= adoptions[row["caseType"]["id"]].items()
                )
        lagging = Counter(
            row["clinic"]["hsaId"]
            for row in nodes((await caller.ask(LIST, behind=True))["assignments"])
        )
        assert {
            row["clinic"]["hsaId"]: row["caseTypes"] for row in nodes(reports["clinicsBehind"])
        } == lagging


TEXTS = """query($central: [DocumentState!]) { reports {
        documentsPerTemplate { edges { node {
            template { id } documents byVersion { version documents } } } }
        adaptationsPerCaseType { edges { node {
            caseType { id } clinics standardReplies needReview } } }
        adaptationsPerText(first: 100) { totalCount edges { node {
            document { id } path documents outOf } } } }
    caseTypes(first: 100) { edges { node {
        id version { number derivedFrom { template { id } version } } } } }
    all: caseTypes(filter: { scope: CENTRAL, state: $central }, first: 100) {
        edges { node { id } } } }"""
ADAPTATIONS = """query($id: ID!) { clinics { edges { node {
    localAdaptation(caseType: $id) {
        needsReview content { standardReplies { key } terms { key } } } } } } }"""


async def agree_on_texts(caller: Caller) -> None:
    """Reports on templates and adaptations agree with the documents."""
    found = await caller.ask(TEXTS, central=["ACTIVE", "INACTIVE", "ARCHIVED"])
    derived = [
        row["version"]["derivedFrom"]
        for row in nodes(found["caseTypes"])
        if row["version"]["derivedFrom"]
    ]
    used = Counter((entry["template"]["id"], entry["version"]) for entry in derived)
    for row in nodes(found["reports"]["documentsPerTemplate"]):
        assert {
            (row["template"]["id"], entry["version"]): entry["documents"]
            for entry in row["byVersion"]
        } == used
        assert row["documents"] == sum(used.values())
    adapted = {}
    texts, totals = await differing(caller, nodes(found["caseTypes"]))
    for case_type in nodes(found["all"]):
        clinics = nodes((await caller.ask(ADAPTATIONS, id=case_type["id"]))["clinics"])
        if adaptations := [row["localAdaptation"] for row in clinics if row["localAdaptation"]]:
            replies = sum(len(entry["content"]["standardReplies"]) for entry in adaptations)
            totals[case_type["id"]] = len(adaptations)
            texts.update(
                (case_type["id"], f"{name}[{entry['key']}]")
                for row in adaptations
                for name, items in row["content"].items()
                for entry in items
            )
            adapted[case_type["id"]] = (
                len(adaptations),
                replies,
                sum(entry["needsReview"] for entry in adaptations),
            )
    per_case_type = nodes(found["reports"]["adaptationsPerCaseType"])
    assert {
        row["caseType"]["id"]: (row["clinics"], row["standardReplies"], row["needReview"])
        for row in per_case_type
    } == adapted

    per_text = nodes(found["reports"]["adaptationsPerText"])
    assert {
        (row["document"]["id"], row["path"]): (row["documents"], row["outOf"]) for row in per_text
    } == {place: (documents, totals[place[0]]) for place, documents in texts.items()}
    assert found["reports"]["adaptationsPerText"]["totalCount"] == len(per_text)
    assert [row["documents"] for row in per_text] == sorted(
        (row["documents"] for row in per_text), reverse=True
    )


async def differing(
    caller: Caller, case_types: list[Json]
) -> tuple[Counter[tuple[str, str]], Counter[str]]:
    """Count, from the stored versions, how case types differ from their templates.

    Returns:
        The number of case types that differ from their template at each place, and the number of
        case types made from each template.
    """
    stored = {
        row["_id"]: row["content"] for row in await caller.api.store.database.find("versions", {})
    }
    texts: Counter[tuple[str, str]] = Counter()
    totals: Counter[str] = Counter()
    for row in case_types:
        if (derived := row["version"]["derivedFrom"]) is not None:
            template = derived["template"]["id"]
            own, base = (
                dict(flat(stored[f"{document}.{number}"]))
                for document, number in (
                    (row["id"], row["version"]["number"]),
                    (template, derived["version"]),
                )
            )
            places = {
                path
                for path in own.keys() | base.keys()
                if own.get(path, "left out") != base.get(path, "left out")
            } - {"internalName"}
            # An item that only one of the two has counts as one place.
            texts.update(
                (template, path)
                for path in places
                if not any(path.startswith((f"{outer}.", f"{outer}[")) for outer in places)
            )
            totals[template] += 1
    return texts, totals


def flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The values of a content by path; an object also has a marker at its own path."""
    if isinstance(value, dict):
        yield from [(path, "here")] if path else []
        for name, inner in value.items():
            yield from flat(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        for item in value:
            yield from flat(item, f"{path}[{item['key']}]")
    else:
        yield path, value if value != [] else "left out"


NOTIFICATIONS = """query($clinic: HsaId!) { clinic(hsaId: $clinic) { notifications(first: 100) {
    pageInfo { hasNextPage } edges { node {
        action fromVersion toVersion at acknowledgedAt
        document { ... on CaseType { id scope } } } } } } }"""
TIMES = f"""{{ reports(principal: "{STOCKHOLM}") {{ acknowledgementTimes(from: "{START}") {{
    total {{ acknowledged pending medianSeconds }}
    byCaseType {{ caseType {{ id }} time {{ acknowledged pending medianSeconds }} }} }} }} }}"""


async def agree_on_times(caller: Caller, clinics: Any) -> None:
    """The report on acknowledgement times agrees with the notifications of the clinics."""
    taken: dict[str, list[float | None]] = {}
    for clinic in clinics:
        page = (await caller.ask(NOTIFICATIONS, clinic=clinic))["clinic"]["notifications"]
        assert not page["pageInfo"]["hasNextPage"]
        for notification in nodes(page):
            published = (
                notification["action"] in ("PUBLISHED", "RESTORED")
                and notification["fromVersion"] != notification["toVersion"]
            )
            if published and notification["document"]["scope"] == "CENTRAL":
                at, done = notification["at"], notification["acknowledgedAt"]
                delay = (
                    (datetime.fromisoformat(done) - datetime.fromisoformat(at)).total_seconds()
                    if done
                    else None
                )
                taken.setdefault(notification["document"]["id"], []).append(delay)

    found = (await caller.ask(TIMES))["reports"]["acknowledgementTimes"]

    by_case_type = {row["caseType"]["id"]: row["time"] for row in found["byCaseType"]}
    assert taken.keys() <= by_case_type.keys()
    for case_type, time in by_case_type.items():
        assert time == summary(taken.get(case_type, []))
    assert found["total"] == summary([delay for delays in taken.values() for delay in delays])


def summary(taken: list[float | None]) -> Json:
    done = [delay for delay in taken if delay is not None]
    middle = round(median(done), 6) if done else None
    return {"acknowledged": len(done), "pending": len(taken) - len(done), "medianSeconds": middle}


VERSIONS = """{ caseTypes(filter: { state: [DRAFT, ACTIVE, INACTIVE, ARCHIVED] }, first: 100) {
    pageInfo { hasNextPage } edges { node { id scope versions(first: 1) { totalCount } } } } }"""
ADAPTED = """query($id: ID!) { clinics { edges { node {
    localAdaptation(caseType: $id) { versions(first: 1) { totalCount } } } } } }"""


async def agree_on_edits(caller: Caller) -> None:
    """The report on edits agrees with the versions of the documents."""
    case_types = (await caller.ask(VERSIONS))["caseTypes"]
    written = sum(row["versions"]["totalCount"] for row in nodes(case_types))
    for row in nodes(case_types):
        clinics = (
            nodes((await caller.ask(ADAPTED, id=row["id"]))["clinics"])
            if row["scope"] == "CENTRAL"
            else []
        )
        written += sum(
            clinic["localAdaptation"]["versions"]["totalCount"]
            for clinic in clinics
            if clinic["localAdaptation"]
        )

    found = (
        await caller.ask(f'{{ reports {{ editsPerMonth(from: "{START}") {{ versions }} }} }}')
    )["reports"]["editsPerMonth"]

    assert not case_types["pageInfo"]["hasNextPage"]
    assert sum(row["versions"] for row in found) == written
