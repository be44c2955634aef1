"""One hidden object of each kind, with the operations that can name it."""

from dataclasses import dataclass

from tests.api.access_table import NAMES, OTHER_KINDS, made, open_subscription
from tests.callers import BJORKEN, LINDEN, STOCKHOLM, Json
from tests.kinds import SAMPLES
from tests.world import World

MISSING = "0" * 24
"""The random part of an id that no object has."""
LONG_AGO = "2024-01-01T00:00:00Z"
EXPORTS = [
    ("assignments.ndjson", "caseType"),
    ("assignments.ndjson", "group"),
    ("versions.ndjson", "document"),
    ("events.ndjson", "document"),
    ("clinics.ndjson", "group"),
    ("adoption.ndjson", "caseType"),
]
"""Exports, each with a parameter that takes an id."""

QUERIES = [
    "query($id: ID!) { node(id: $id) { __typename id } }",
    "query($id: ID!) { nodes(ids: [$id, $id]) { __typename id } }",
    (
        "query($id: ID!) { caseType(id: $id) { name versions { totalCount } history { totalCount"
        " edges { cursor } } version(number: 1) { number } } }"
    ),
    (
        "query($id: ID!) { caseType(id: $id) { compare(from: 1, to: 1) { changes { path } }"
        ' versionAt(time: "2100-01-01T00:00:00Z") { number } } }'
    ),
    (
        "query($id: ID!) { caseTypeTemplate(id: $id) { name versions { totalCount } history {"
        " totalCount } } }"
    ),
    (
        "query($id: ID!) { node(id: $id) { ... on CaseType { name history { totalCount } } ... on"
        " LocalAdaptation { id versions { totalCount } } } }"
    ),
    "query($id: ID!) { caseTypes(filter: { derivedFrom: $id }) { totalCount edges { cursor } } }",
    "query($id: ID!) { assignments(filter: { caseType: $id }) { totalCount edges { cursor } } }",
    "query($id: ID!) { assignments(filter: { group: $id }) { totalCount edges { cursor } } }",
    "query($id: ID!) { clinics(filter: { group: $id }) { totalCount edges { cursor } } }",
    (
        "query($id: ID!) { node(id: $id) { ... on Document { id } ... on Version { number changes {"
        " path } lineage { version { id } } } } }"
    ),
    (
        "query($id: ID!) { caseTypeTemplate(id: $id) { usage { templates caseTypes clinics }"
        " comparison { version places { totalCount } } } }"
    ),
    "query($id: ID!) { templateExport(id: $id) { hash } }",
    "query($id: ID!) { checkTemplateAdoption(id: $id) { toVersion } }",
    "query($id: ID!) { residentCases(filter: { derivedFrom: $id }) { totalCount } }",
    (
        "query($id: ID!) { reports(clinics: { group: $id }) { caseTypesPerClinic { totalCount }"
        " clinicsBehind { totalCount } } }"
    ),
    (
        f'query($id: ID!) {{ reports {{ acknowledgementTimes(from: "{LONG_AGO}", caseType: $id) {{'
        " publications total { pending } } } }"
    ),
    (
        f'query($id: ID!) {{ reports {{ acknowledgementTimes(from: "{LONG_AGO}") {{'
        " byClinicGroup(groups: [$id]) { time { pending } } } } }"
    ),
    (
        f'query($id: ID!) {{ checkDistribution(caseType: $id, to: {{ hsaIds: ["{LINDEN}"] }}) {{'
        " refused { row } } }"
    ),
]
ANY_DOCUMENT = [
    *QUERIES[:2],
    (
        "query($id: ID!) { node(id: $id) { ... on Document { id } ... on Version { number changes {"
        " path } lineage { version { id } } } } }"
    ),
]
ONE_DOCUMENT = (
    "query($id: ID!) {{ {}(id: $id) {{ name versions {{ totalCount }} history {{ totalCount edges"
    " {{ cursor }} }} blame {{ path }} compare(from: 1, to: 1) {{ changes {{ path }} }}"
    " version(number: 1) {{ number changes {{ path }} lineage {{ version {{ id }} }} }} }} }}"
)
MUTATIONS: dict[str, Json] = {
    "caseTypeUpdate": {"id": "$it", "expectedVersion": 1, "content": {"name": "Nytt"}},
    "caseTypeTemplateUpdate": {"id": "$it", "expectedVersion": 1, "content": {"name": "Nytt"}},
    "caseTypeCreate": {"owner": BJORKEN, "content": NAMES, "fromTemplate": {"id": "$it"}},
    "documentPublish": {"id": "$it", "version": 1, "expectedVersion": 1},
    "documentActivate": {"id": "$it", "expectedVersion": 1},
    "documentDeactivate": {"id": "$it", "expectedVersion": 1},
    "documentRestore": {"id": "$it", "version": 1, "expectedVersion": 1},
    "documentArchive": {"id": "$it", "expectedVersion": 1},
    "caseTypeDistribute": {"caseType": "$it", "to": {"hsaIds": [LINDEN]}},
    "caseTypeWithdraw": {"caseType": "$it", "from": {"hsaIds": [LINDEN]}},
    "caseTypeFollow": {"caseType": "$it", "clinic": LINDEN},
    "caseTypeUnfollow": {"caseType": "$it", "clinic": LINDEN},
    "caseTypesReorder": {"on": {"clinic": LINDEN}, "order": ["$it"]},
    "residentCaseCreate": {
        "owner": BJORKEN,
        "content": dict(SAMPLES["residentCase"].content),
        "fromTemplate": {"id": "$it"},
    },
    "documentAdoptTemplate": {"id": "$it", "expectedVersion": 1},
    "roleRevoke": {"id": "$it"},
    "subscriptionEnd": {"id": "$it"},
}


@dataclass(frozen=True, slots=True)
class Hidden:
    """The id of an object, an id of the same kind that no object has, and who may see the object.

    `query` is the query of the document's kind, if it is one of the kinds in `OTHER_KINDS`.
    """

    real: str
    missing: str
    seen_by: frozenset[str]
    query: str | None = None

    @property
    def queries(self) -> list[str]:
        """Queries that take the id as `$id`."""
        return QUERIES if self.query is None else [*ANY_DOCUMENT, ONE_DOCUMENT.format(self.query)]

    @property
    def mutations(self) -> dict[str, Json]:
        """The inputs of mutations, by name, with `$it` in place of the id."""
        if self.query is None:
            return MUTATIONS
        change = {
            f"{self.query}Update": {
                "id": "$it",
                "expectedVersion": 1,
                "content": {"internalName": "Nytt"},
            }
        }
        return change | {
            name: MUTATIONS[name]
            for name in ("documentPublish", "documentArchive", "documentAdoptTemplate")
        }

    @property
    def exports(self) -> list[tuple[str, str]]:
        """The exports that take the id, each with its parameter."""
        if self.query is None:
            return EXPORTS
        return [(file, parameter) for file, parameter in EXPORTS if parameter == "document"]


def missing_like(document: str) -> str:
    """An id with the prefix of an existing document that no document has."""
    return f"{document.partition('_')[0]}_{MISSING}"


async def hidden_objects(world: World) -> list[Hidden]:
    """Create an object of each kind."""
    ids = await made(world)
    region_only, with_reviewer = frozenset({"region"}), frozenset({"region", "reviewer"})
    at_clinic = {"caseType": world.case_type, "clinic": BJORKEN}
    await world.distribute(world.case_type, BJORKEN)
    adapted = await world.clinic_admin.done(
        "localAdaptationSave",
        "localAdaptation { id }",
        **at_clinic,
        expectedVersion=0,
        terms=[],
        standardReplies=[{"key": "a", "label": "A", "text": "A"}],
    )
    group = await world.region.done(
        "clinicGroupSave", "clinicGroup { id }", principal=STOCKHOLM, name="Grupp", hsaIds=[BJORKEN]
    )
    [assignment] = (await world.region.ask("{ assignments { edges { node { id } } } }"))[
        "assignments"
    ]["edges"]
    events = (
        f'{{ principal(hsaId: "{STOCKHOLM}") {{ events(first: 1) {{ edges {{ node {{ id }} }} }}'
        " } }"
    )
    event = (await world.region.ask(events))["principal"]["events"]["edges"][0]["node"]["id"]
    notified = (
        f'{{ clinic(hsaId: "{BJORKEN}") {{ notifications(first: 1) {{ edges {{ node {{ id }} }} }}'
        " } }"
    )
    notification = (await world.staff.ask(notified))["clinic"]["notifications"]["edges"][0]["node"][
        "id"
    ]
    log, _, clinic = notification.split(".")
    readers = frozenset({"region", "reviewer", "reporter", "staff", "clinic_admin"})
    other_documents = {kind.query: ids[kind.query] for kind in OTHER_KINDS}
    return [
        Hidden(ids["draft"], missing_like(ids["draft"]), with_reviewer),
        Hidden(f"{ids['draft']}.1", f"{missing_like(ids['draft'])}.1", with_reviewer),
        Hidden(ids["template"], f"tpl_{MISSING}", with_reviewer),
        *(
            Hidden(document, missing_like(document), with_reviewer, query)
            for query, document in other_documents.items()
        ),
        *(
            Hidden(f"{document}.1", f"{missing_like(document)}.1", with_reviewer, query)
            for query, document in list(other_documents.items())[:1]
        ),
        Hidden(ids["grant"], f"rg_{MISSING}", with_reviewer),
        Hidden(
            adapted["localAdaptation"]["id"],
            missing_like(adapted["localAdaptation"]["id"]),
            readers,
        ),
        Hidden(
            group["clinicGroup"]["id"],
            f"gr_{MISSING}",
            frozenset({"region", "reviewer", "reporter", "national"}),
        ),
        Hidden(assignment["node"]["id"], f"as_{MISSING}", readers | {"national"}),
        Hidden(event, f"{event.partition('.')[0]}.999999", readers - {"staff", "clinic_admin"}),
        Hidden(notification, f"{log}.999999.{clinic}", readers),
        Hidden(await open_subscription(world), f"sub_{MISSING}", region_only),
    ]
