"""Each report equals what one counts by hand in the lists that the same viewer is shown, whatever
was done; and what is told of a moment is what
was told then."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from statistics import median
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from store.records import Role
from tests.callers import BJORKEN, LINDEN, STOCKHOLM, Caller, Json
from tests.world import CONTENT, World

CLINICS = (BJORKEN, LINDEN)
BEGINNING = "2026-01-01T00:00:00Z"

ACTS = (
    "publish",
    "republish",
    "draft",
    "distribute",
    "withdraw",
    "follow",
    "unfollow",
    "hide",
    "acknowledge",
    "adapt",
    "local",
    "archive",
    "restore",
)
OWN: Sequence[Json] = (
    {},
    {"introduction": "Eget."},
    {"questions": CONTENT["questions"][:1]},
    {"terms": [], "responseTime": None},
)
"""What clinics' own case types say otherwise than their template."""
some_acts = st.lists(
    st.tuples(st.sampled_from(ACTS), st.integers(0, 1), st.integers(0, 1), st.integers(0, 3)),
    min_size=8,
    max_size=14,
)

NOW = """query($asOf: DateTime) { reports(principal: "SE2321000016") {
    caseTypesPerClinic(asOf: $asOf, first: 100) { totalCount edges { node { clinic { hsaId } caseTypes distributed followed own } } }
    clinicsPerCaseType(asOf: $asOf, first: 100) { totalCount edges { node { caseType { id } version clinics distributed followed
        adoption { assigned acknowledged pending unseen byVersion { version clinics since } } } } }
    clinicsBehind(asOf: $asOf, first: 100) { totalCount edges { node { clinic { hsaId } caseTypes since } } } } }"""


def nodes(connection: Json) -> list[Json]:
    return [edge["node"] for edge in connection["edges"]]


async def act(
    world: World, case_types: list[str], kind: str, which: int, where: int, number: int
) -> str | None:
    """Something that someone does, if it can be done now; when."""
    case_type, clinic = case_types[which], CLINICS[where]
    if kind == "acknowledge":
        return await acknowledge(world, clinic, number)
    head = (
        await world.region.ask(
            "query($id: ID!) { caseType(id: $id) { latestVersion } }", id=case_type
        )
    )["caseType"]
    at_clinic = {"caseType": case_type, "clinic": clinic}
    known = {"id": case_type, "expectedVersion": head["latestVersion"]}
    earlier = {**known, "version": min(number + 1, head["latestVersion"])}
    content = {"content": {"introduction": f"Text {head['latestVersion'] + 1}."}}
    chosen = {"hsaIds": [clinic] if number < 2 else list(CLINICS)}
    replies = [{"key": f"r{one}", "label": "Egen", "text": "Hej"} for one in range(number)]
    template = {"fromTemplate": {"id": world.template}} if number else {}
    mutation, given = {
        "publish": ("caseTypeUpdate", {**known, **content, "publish": True}),
        "draft": ("caseTypeUpdate", {**known, **content}),
        "republish": ("documentPublish", earlier),
        "distribute": ("caseTypeDistribute", {"caseType": case_type, "to": chosen}),
        "withdraw": ("caseTypeWithdraw", {"caseType": case_type, "from": chosen}),
        "follow": ("caseTypeFollow", at_clinic),
        "unfollow": ("caseTypeUnfollow", at_clinic),
        "hide": ("caseTypeHide", at_clinic),
        "adapt": (
            "localAdaptationSave",
            {**at_clinic, "expectedVersion": 0, "standardReplies": replies, "terms": []},
        ),
        "local": (
            "caseTypeCreate",
            {
                "owner": clinic,
                "content": CONTENT | {"name": f"Egen {number}"} | OWN[number],
                **template,
            },
        ),
        "archive": ("documentArchive", known),
        "restore": ("documentRestore", {**earlier, "publish": bool(number % 2)}),
    }[kind]
    if kind == "adapt":
        given["expectedVersion"] = await adapted(world, clinic, case_type)
    done = await world.region.do(mutation, "event { at document { id } }", **given)
    if kind == "local" and number > 1:
        done = await world.region.done(
            "documentPublish",
            "event { at }",
            id=done["event"]["document"]["id"],
            version=1,
            expectedVersion=1,
        )
    return done["event"]["at"] if done["event"] else None


async def acknowledge(world: World, clinic: str, number: int) -> str | None:
    """A clinic has read what it was told, but for the newest few."""
    caller = world.api.caller(Role.CLINIC_STAFF, clinic)
    query = (
        "query($clinic: HsaId!) { clinic(hsaId: $clinic) { notifications(first: 4) { edges { cursor"
        " } } } }"
    )
    told = (await caller.ask(query, clinic=clinic))["clinic"]["notifications"]["edges"]
    if not told:
        return None
    done = await caller.do(
        "notificationsAcknowledge",
        "event { at }",
        clinic=clinic,
        upTo=told[min(number, len(told) - 1)]["cursor"],
    )
    return done["event"]["at"] if done["event"] else None


async def adapted(world: World, clinic: str, case_type: str) -> int:
    """The newest version of a clinic's adaptation; 0 without one."""
    query = (
        "query($c: HsaId!, $id: ID!) { clinic(hsaId: $c) { localAdaptation(caseType: $id) {"
        " latestVersion } } }"
    )
    found = (await world.region.ask(query, c=clinic, id=case_type))["clinic"]["localAdaptation"]
    return found["latestVersion"] if found else 0


@settings(
    max_examples=4,
    deadline=None,
    phases=(
        Phase.explicit,
        Phase.generate,
    ),  # each example goes on where the one before ended: none can be made smaller alone
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(some_acts)
async def test_reports_agree_with_the_lists_and_with_what_was_told_then(
    world: World, acts: list[tuple[str, int, int, int]]
) -> None:
    case_types = sorted(row["id"] for row in nodes((await world.region.ask(CENTRAL))["caseTypes"]))
    if len(case_types) < 2:
        other = await world.draft(CONTENT | {"name": "Boka tid"})
        await world.region.done(
            "documentPublish", "event { id }", id=other, version=1, expectedVersion=1
        )
        case_types = sorted([world.case_type, other])
    told: dict[str, Json] = {}

    for kind, which, where, number in acts:
        at = await act(world, case_types, kind, which, where, number)
        if at is not None:
            told[at] = await world.region.ask(NOW)

    for moment, then in told.items():
        assert await world.region.ask(NOW, asOf=moment) == then, moment
    for caller in (world.region, world.reporter, world.national, world.staff):
        await agree_with_assignments(caller, None)
        await agree_with_assignments(caller, min(told, default=BEGINNING))
        await agree_on_what_is_written(caller)
    await agree_on_times(world.region, CLINICS)
    await agree_on_times(world.staff, [BJORKEN])
    await agree_on_edits(world.region)


CENTRAL = (
    "{ caseTypes(filter: { scope: CENTRAL, state: [DRAFT, ACTIVE, INACTIVE, ARCHIVED] }, first:"
    " 100) { edges { node { id } } } }"
)
LIST = """query($asOf: DateTime, $behind: Boolean) { assignments(
    filter: { principal: "SE2321000016", behindOnly: $behind }, asOf: $asOf, first: 100) { totalCount edges { node {
    origin acknowledgedVersion clinic { hsaId } caseType { id scope publishedVersion adoption { assigned pending unseen } } } } } }"""


async def agree_with_assignments(caller: Caller, moment: str | None) -> None:
    """What clinics have, as the list of assignments tells it."""
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
        documentsPerTemplate { edges { node { template { id } documents byVersion { version documents } } } }
        adaptationsPerCaseType { edges { node { caseType { id } clinics standardReplies needReview } } }
        adaptationsPerText(first: 100) { totalCount edges { node { document { id } path documents outOf } } } }
    caseTypes(first: 100) { edges { node { id version { number derivedFrom { template { id } version } } } } }
    all: caseTypes(filter: { scope: CENTRAL, state: $central }, first: 100) { edges { node { id } } } }"""
ADAPTATIONS = """query($id: ID!) { clinics { edges { node {
    localAdaptation(caseType: $id) { needsReview content { standardReplies { key } terms { key } } } } } } }"""


async def agree_on_what_is_written(caller: Caller) -> None:
    """What is made from templates, and what clinics have adapted, as the documents tell it."""
    found = await caller.ask(TEXTS, central=["ACTIVE", "INACTIVE", "ARCHIVED"])
    derived = [
        row["version"]["derivedFrom"]
        for row in nodes(found["caseTypes"])
        if row["version"]["derivedFrom"]
    ]
    used = Counter((one["template"]["id"], one["version"]) for one in derived)
    for row in nodes(found["reports"]["documentsPerTemplate"]):
        assert {
            (row["template"]["id"], one["version"]): one["documents"] for one in row["byVersion"]
        } == used
        assert row["documents"] == sum(used.values())
    adapted = {}
    texts, totals = await differing(caller, nodes(found["caseTypes"]))
    for case_type in nodes(found["all"]):
        clinics = nodes((await caller.ask(ADAPTATIONS, id=case_type["id"]))["clinics"])
        if here := [row["localAdaptation"] for row in clinics if row["localAdaptation"]]:
            replies = sum(len(one["content"]["standardReplies"]) for one in here)
            totals[case_type["id"]] = len(here)
            texts.update(
                (case_type["id"], f"{name}[{one['key']}]")
                for row in here
                for name, items in row["content"].items()
                for one in items
            )
            adapted[case_type["id"]] = (len(here), replies, sum(one["needsReview"] for one in here))
    told = nodes(found["reports"]["adaptationsPerCaseType"])
    assert {
        row["caseType"]["id"]: (row["clinics"], row["standardReplies"], row["needReview"])
        for row in told
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
    """How many case types differ from their template at each place, and how many are made from
    each, by what is stored of their versions.
    """
    stored = {
        row["_id"]: row["content"] for row in await caller.api.store.database.find("versions", {})
    }
    texts: Counter[tuple[str, str]] = Counter()
    totals: Counter[str] = Counter()
    for row in case_types:
        if (derived := row["version"]["derivedFrom"]) is not None:
            template = derived["template"]["id"]
            one, other = (
                dict(flat(stored[f"{of}.{number}"]))
                for of, number in (
                    (row["id"], row["version"]["number"]),
                    (template, derived["version"]),
                )
            )
            places = {
                path
                for path in one.keys() | other.keys()
                if one.get(path, "left out") != other.get(path, "left out")
            } - {"internalName"}
            # What is in an item that only one of them has is that item.
            texts.update(
                (template, path)
                for path in places
                if not any(path.startswith((f"{outer}.", f"{outer}[")) for outer in places)
            )
            totals[template] += 1
    return texts, totals


def flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The single values of a content by path; for an object that its place is taken."""
    if isinstance(value, dict):
        yield from [(path, "here")] if path else []
        for name, inner in value.items():
            yield from flat(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        for item in value:
            yield from flat(item, f"{path}[{item['key']}]")
    else:
        yield path, value if value != [] else "left out"


TOLD = """query($clinic: HsaId!) { clinic(hsaId: $clinic) { notifications(first: 100) { pageInfo { hasNextPage } edges { node {
    action fromVersion toVersion at acknowledgedAt document { ... on CaseType { id scope } } } } } } }"""
TIMES = f"""{{ reports(principal: "{STOCKHOLM}") {{ acknowledgementTimes(from: "{BEGINNING}") {{
    total {{ acknowledged pending medianSeconds }} byCaseType {{ caseType {{ id }} time {{ acknowledged pending medianSeconds }} }} }} }} }}"""


async def agree_on_times(caller: Caller, clinics: Any) -> None:
    """How long acknowledgement took, as the clinics' notifications tell it."""
    taken: dict[str, list[float | None]] = {}
    for clinic in clinics:
        page = (await caller.ask(TOLD, clinic=clinic))["clinic"]["notifications"]
        assert not page["pageInfo"]["hasNextPage"]
        for told in nodes(page):
            published = (
                told["action"] in ("PUBLISHED", "RESTORED")
                and told["fromVersion"] != told["toVersion"]
            )
            if published and told["document"]["scope"] == "CENTRAL":
                at, done = told["at"], told["acknowledgedAt"]
                delay = (
                    (datetime.fromisoformat(done) - datetime.fromisoformat(at)).total_seconds()
                    if done
                    else None
                )
                taken.setdefault(told["document"]["id"], []).append(delay)

    found = (await caller.ask(TIMES))["reports"]["acknowledgementTimes"]

    by_case_type = {row["caseType"]["id"]: row["time"] for row in found["byCaseType"]}
    assert taken.keys() <= by_case_type.keys()
    for case_type, time in by_case_type.items():
        assert time == summary(taken.get(case_type, []))
    assert found["total"] == summary([one for many in taken.values() for one in many])


def summary(taken: list[float | None]) -> Json:
    done = [one for one in taken if one is not None]
    middle = round(median(done), 6) if done else None
    return {"acknowledged": len(done), "pending": len(taken) - len(done), "medianSeconds": middle}


VERSIONS = """{ caseTypes(filter: { state: [DRAFT, ACTIVE, INACTIVE, ARCHIVED] }, first: 100) { pageInfo { hasNextPage } edges { node { id scope
    versions(first: 1) { totalCount } } } } }"""
ADAPTED = """query($id: ID!) { clinics { edges { node { localAdaptation(caseType: $id) { versions(first: 1) { totalCount } } } } } }"""


async def agree_on_edits(caller: Caller) -> None:
    """How much was written, as the documents' versions tell it."""
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
        await caller.ask(f'{{ reports {{ editsPerMonth(from: "{BEGINNING}") {{ versions }} }} }}')
    )["reports"]["editsPerMonth"]

    assert not case_types["pageInfo"]["hasNextPage"]
    assert sum(row["versions"] for row in found) == written
