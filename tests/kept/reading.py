"""Reads a registry over the API, for comparison with the answers of later versions.

The queries leave out values that may change while the stored data stays the same: labels, messages,
HTML, word-by-word differences, names of principals and codes, cursors, and everything that depends
on the current date. Each kept folder has its own copy of the queries.
"""

import re
from collections.abc import Iterator
from typing import Any

from graphql import parse, print_ast

from tests.callers import BJORKEN, INERA, LINDEN, STOCKHOLM, UPPSALA, UPPSALA_CLINIC
from tests.kept.commands import Json, Server
from tests.kept.filling import ASPEN, JOINING, PROTECTED
from tests.kinds import SAMPLES

PRINCIPALS = {"national": INERA, "region": STOCKHOLM, "uppsala": UPPSALA}
CLINICS = {
    BJORKEN: ("region", "local", "staff"),
    LINDEN: ("region", "linden"),
    ASPEN: ("region",),
    JOINING: ("region", "reporter"),
    UPPSALA_CLINIC: ("uppsala", "national"),
}
LISTS = {sample.many: sample.one for sample in SAMPLES.values()}
STATES = {"DRAFT", "ACTIVE", "INACTIVE", "ARCHIVED"}
_PAGE = 100
READERS = ("national", "region", "uppsala", "local", "linden", "staff", "reviewer", "reporter")

_FRAGMENTS = {
    "actor": "fragment actor on Actor { role unit system employeeHsaId name }",
    "change": "fragment change on Change { kind path before after residentVisible position }",
    "head": """fragment head on Document {
        __typename id name internalName state latestVersion publishedVersion createdAt updatedAt
        owner { __typename ... on Principal { hsaId } ... on Clinic { hsaId } } }""",
    "event": """fragment event on Event {
        id sequence action version at note requestId export batch person
        actor { ...actor } group { id } principal { hsaId } document { id }
        clinics(first: 100) { totalCount edges { node { hsaId } } }
        changes { kind path residentVisible } }""",
    "version": """fragment version on Version {
        id number createdAt note hash previousHash restoredFrom author { ...actor }
        changes { ...change }
        derivedFrom { version latestVersion behind template { id } }
        lineage { version template { id } } }""",
    "history": """fragment history on Document {
        ...acts verify { intact versions firstBrokenVersion }
        blame { path since level template { id } version } }""",
    "acts": """fragment acts on Document {
        history(first: 100) { totalCount edges { node { id } } } }""",
    "caseTypeContent": """fragment caseTypeContent on CaseTypeContent {
        name internalName rationale introduction
        questions { ...question }
        links { key label url openPage } submittable
        standardReplies { key label text local }
        terms { key heading text mustAccept local }
        restrictions { countyCodes municipalityCodes gender ageFrom ageTo listedOnly
            referralRequired proxyAllowed }
        responseTime { amount unit } onContactCard language }""",
    "question": """fragment question on Question { key label help kind required
        options { key label } shownIf { question equals } }""",
    "residentCaseContent": """fragment residentCaseContent on ResidentCaseContent {
        name internalName rationale form message questions { ...question }
        links { key label url openPage } attachmentsAllowed language }""",
    "assignment": """fragment assignment on Assignment {
        id origin since until active acknowledgedVersion startPageOrder contactCardOrder
        by { ...actor } clinic { hsaId } caseType { id } }""",
    "entry": """fragment entry on StartPageEntry {
        position caseType { id } version { id hash } adaptation { id hash }
        effective { ...caseTypeContent } }""",
    "clinic": """fragment clinic on Clinic {
        id hsaId name publicName management countyCode municipalityCode location telephoneNumber
        financingOrganizations startDate endDate status principal { hsaId }
        businessClassifications { code } businessTypes { code } careTypes { code }
        groups { id } }""",
}
_FRAGMENTS |= {
    many: f"""fragment {many} on {one[0].upper()}{one[1:]}Connection {{
        totalCount edges {{ node {{ id latestVersion owner {{
          ... on Principal {{ hsaId }} ... on Clinic {{ hsaId }} }} }} }} }}"""
    for many, one in LISTS.items()
}
_CONTENTS = {
    "caseType": "...caseTypeContent",
    "caseTypeTemplate": "...caseTypeContent",
    "residentCase": "...residentCaseContent",
    "residentCaseTemplate": "...residentCaseContent",
    "termsText": """name internalName rationale service clinicText bookingConcerns
        informationToClinic terms namedDoctor language""",
    "standardReplyCollection": """name internalName rationale
        standardReplies { key label text local } language""",
    "guidance": """name internalName rationale situation steps { key heading text }
        referrals { key countyCode referTo telephoneNumber url note } language""",
    "notice": """name internalName service environment status startsAt endsAt text language""",
}
_OF_KINDS = {
    "caseType": """scope
        adoption { assigned acknowledged pending unseen byVersion { version clinics since } }
        assignments(first: 100) { totalCount edges { node { id } } }""",
    "caseTypeTemplate": """level
        usage { templates caseTypes behind lastUsedAt clinics
            byLevel { level templates caseTypes behind clinics }
            byPrincipal { principal { hsaId } templates caseTypes clinics behind lastUsedAt } }
        comparison(templates: true, caseTypes: true) { version documents { id } }""",
    "residentCaseTemplate": "level",
}
_OF_VERSIONS = {
    "caseTypeTemplate": "origin { document version hash principal }",
    "residentCase": "derivedFromTemplate { version latestVersion behind template { id } }",
    "residentCaseTemplate": "derivedFromTemplate { version latestVersion behind template { id } }",
    "termsText": "mustAccept clinicTextLead",
}


def _document(query: str, content: str) -> str:
    return f"""query($id: ID!, $latest: Int!) {{ {query}(id: $id) {{
    compare(from: 1, to: $latest) {{ residentVisible changes {{ ...change }} }}
    ...head ...history {_OF_KINDS.get(query, "")}
    content {{ {content} }}
    versions(first: 100) {{ totalCount edges {{ node {{
      ...version {_OF_VERSIONS.get(query, "")} content {{ {content} }} }} }} }} }} }}"""


def _list(many: str) -> str:
    return f"{many}(filter: $filter, orderBy: UPDATED_ASC, first: 100) {{ ...{many} }}"


_QUERIES = {
    **{query: _document(query, content) for query, content in _CONTENTS.items()},
    "lists": f"query($filter: DocumentFilter) {{ {' '.join(map(_list, LISTS))} }}",
    "localAdaptation": """query($clinic: HsaId!, $caseType: ID!) { clinic(hsaId: $clinic) {
    localAdaptation(caseType: $caseType) { ...head ...history needsReview caseType { id }
      content { standardReplies { key label text local }
        terms { key heading text mustAccept local } }
      versions(first: 100) { totalCount edges { node { ...version writtenFor
        content { standardReplies { key label text local }
          terms { key heading text mustAccept local } } } } } } } }""",
    "seen": "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Document { ...head ...acts } } }",
    "log": """query($principal: HsaId!, $actions: [Action!]!) { principal(hsaId: $principal) {
    events(filter: { actions: $actions }, first: 100) {
      totalCount edges { node { ...event } } } } }""",
    "logLength": """query($principal: HsaId!) { principal(hsaId: $principal) {
    events(first: 1) { totalCount edges { node { sequence } } } } }""",
    "principal": """query($principal: HsaId!) { principal(hsaId: $principal) { id kind
    policies { centralActivation clinicsEdit openPageLinks lowestAcr }
    roleGrants(first: 100) { totalCount
      edges { node { id role unit employeeHsaId since by { ...actor } } } }
    groups(first: 100) { totalCount edges { node { id name principal { hsaId }
      rule { businessClassifications businessTypes careTypes management countyCodes
        municipalityCodes }
      clinics(first: 100) { totalCount edges { node { hsaId } } } } } }
    clinics(first: 100) { totalCount edges { node { ...clinic } } } } }""",
    "clinic": """query($clinic: HsaId!) { clinic(hsaId: $clinic) { ...clinic
    assignments(first: 100) { totalCount edges { node { ...assignment } } }
    startPage { ...entry } contactCard { ...entry } } }""",
    "clinicAt": """query($clinic: HsaId!, $at: DateTime!) {
    clinic(hsaId: $clinic) {
      startPage(asOf: $at) { ...entry } contactCard(asOf: $at) { ...entry } }
    assignments(filter: { clinic: $clinic }, asOf: $at, first: 100) {
      totalCount edges { node { ...assignment } } } }""",
    "inbox": """query($clinic: HsaId!) { clinic(hsaId: $clinic) { unacknowledgedCount
    notifications(first: 100) { totalCount edges { node {
      id action fromVersion toVersion residentVisible by { ...actor } at note
      acknowledgedAt acknowledgedBy { ...actor } document { id }
      changes { kind path residentVisible } } } } } }""",
    "reports": """query($principal: HsaId!, $from: DateTime!, $to: DateTime!) {
    reports(principal: $principal) {
      caseTypesPerClinic(first: 100) { totalCount
        edges { node { caseTypes distributed followed own clinic { hsaId } } } }
      clinicsPerCaseType(first: 100) { totalCount
        edges { node { version clinics distributed followed caseType { id } } } }
      clinicsBehind(first: 100) { totalCount
        edges { node { caseTypes since clinic { hsaId } } } }
      editsPerMonth(from: $from, to: $to) { month versions principal { hsaId } }
      acknowledgementTimes(from: $from, to: $to) { publications
        total { acknowledged pending medianSeconds } }
      documentsPerTemplate(first: 100) { totalCount edges { node { template { id } documents
        principals behind byVersion { version documents } } } }
      adaptationsPerCaseType(first: 100) { totalCount edges { node { clinics standardReplies
        terms clinicsWithStandardReplies clinicsWithTerms needReview caseType { id } } } }
    } }""",
    "search": """query($text: String!) { search(text: $text, first: 50) { totalCount
    edges { node { id } } } }""",
    "viewer": """{ viewer { actor { ...actor } principal { hsaId } roles
    clinics(first: 100) { totalCount } } }""",
    "feed": """subscription($clinics: [HsaId!]!, $after: Cursor!) {
    clinicNotifications(clinics: $clinics, after: $after) { id action fromVersion toVersion
      residentVisible at note clinic { hsaId } document { id } } }""",
    "save": """mutation($input: CaseTypeUpdateInput!) { caseTypeUpdate(input: $input) {
    caseType { id state latestVersion publishedVersion verify { intact versions } }
    version { number previousHash content { introduction } }
    event { sequence action version note } errors { code path } } }""",
}


def queries() -> dict[str, str]:
    """All operations by name, each with its fragments."""
    return {name: _whole(text) for name, text in _QUERIES.items()}


def _whole(operation: str) -> str:
    parts = {"": operation}
    waiting = [operation]
    while waiting:
        for name in re.findall(r"\.\.\.(\w+)", waiting.pop()):
            if name in _FRAGMENTS and name not in parts:
                parts[name] = _FRAGMENTS[name]
                waiting.append(_FRAGMENTS[name])
    return print_ast(parse("\n".join(parts.values()))) + "\n"


def values_of(server: Server, enum: str) -> list[str]:
    """The values of an enum of the API."""
    query = "query($enum: String!) { __type(name: $enum) { enumValues { name } } }"
    listed = server.ask("region", query, {"enum": enum})["__type"]["enumValues"]
    return [value["name"] for value in listed]


class _Reading:
    def __init__(self, server: Server) -> None:
        self._server = server
        self._queries = queries()
        self._actions = values_of(server, "Action")
        self.answers: list[Json] = []

    def ask(self, caller: str, query: str, **variables: Any) -> Json:
        """The data of a query. It is recorded unless it is empty."""
        data = self._server.ask(caller, self._queries[query], variables)
        if not _is_empty(data):
            asked = {"caller": caller, "query": query, "variables": variables}
            self.answers.append({**asked, "data": data})
        return data

    def events(self) -> Iterator[Json]:
        """All events read so far."""
        for answer in self.answers:
            if answer["query"] == "log":
                yield from nodes(answer["data"]["principal"]["events"])

    def pages_of_log(self, caller: str, principal: str) -> list[list[str]]:
        """The actions in a log, grouped so that the events of each group fit on one page."""
        query = self._queries["log"]
        pages: list[list[str]] = [[]]
        size = 0
        for action in self._actions:
            variables = {"principal": principal, "actions": [action]}
            found = self._server.ask(caller, query, variables)["principal"]["events"]["totalCount"]
            if size + found > _PAGE:
                pages.append([])
                size = 0
            pages[-1] += [action] if found else []
            size += found
        return [page for page in pages if page]


def _is_empty(data: Json) -> bool:
    """Whether the only value is null or an empty connection."""
    while len(data) == 1:
        [value] = data.values()
        if not isinstance(value, dict):
            return value is None
        data = value
    return data == {"totalCount": 0, "edges": []}


def read(server: Server) -> list[Json]:
    """Run all queries. Each answer comes with its caller, query and variables."""
    reading = _Reading(server)
    for caller in READERS:
        reading.ask(caller, "viewer")
    _documents(reading)
    _logs_and_principals(reading)
    _clinics(reading)
    for text in ("förnya recept", "villkor", "utkast", "ring först"):
        for caller in ("national", "region", "staff", "uppsala"):
            reading.ask(caller, "search", text=text)
    return reading.answers


def _documents(reading: _Reading) -> None:
    for caller in READERS:
        found = reading.ask(caller, "lists", filter={"state": sorted(STATES)})
        assert all(len(page["edges"]) == page["totalCount"] for page in found.values())
        listed = [(LISTS[many], node) for many, page in found.items() for node in nodes(page)]
        reading.ask(caller, "seen", ids=[node["id"] for _, node in listed])
        for query, node in listed:
            if node["owner"]["hsaId"].startswith(PRINCIPALS.get(caller, "none")):
                reading.ask(caller, query, id=node["id"], latest=node["latestVersion"])
    reading.ask("region", "lists", filter={"owner": BJORKEN, "state": ["ACTIVE", "DRAFT"]})


def _logs_and_principals(reading: _Reading) -> None:
    for caller, principal in PRINCIPALS.items():
        reading.ask(caller, "principal", principal=principal)
        reading.ask(caller, "logLength", principal=principal)
        for actions in reading.pages_of_log(caller, principal):
            found = reading.ask(caller, "log", principal=principal, actions=actions)
            events = found["principal"]["events"]
            assert len(events["edges"]) == events["totalCount"]
        last = max(str(event["at"]) for event in reading.events())
        span = {"from": f"{int(last[:4]) - 1}-01-01T00:00:00Z", "to": last}
        reading.ask(caller, "reports", principal=principal, **span)


def _clinics(reading: _Reading) -> None:
    for clinic, callers in CLINICS.items():
        for caller in callers:
            found = reading.ask(caller, "clinic", clinic=clinic)["clinic"]
            if (caller, clinic) != ("national", UPPSALA_CLINIC):
                reading.ask(caller, "inbox", clinic=clinic)
            for node in nodes(found["assignments"]):
                case_type = node["caseType"]["id"]
                reading.ask(caller, "localAdaptation", clinic=clinic, caseType=case_type)
    times = sorted(event["at"] for event in reading.events() if event["action"] in _TURNS)
    for clinic in (BJORKEN, LINDEN):
        for time in times[:: max(1, len(times) // 6)]:
            reading.ask("region", "clinicAt", clinic=clinic, at=time)


_TURNS = ("DISTRIBUTED", "WITHDRAWN", "FOLLOWED", "REORDERED", "ADAPTED", "PUBLISHED")


def nodes(connection: Json) -> Iterator[Json]:
    """The nodes of a connection."""
    return (edge["node"] for edge in connection["edges"])


def check(server: Server, answers: list[Json]) -> None:
    """Raise if a kind, a state or an action is missing from the answers."""
    data = [answer["data"] for answer in answers]
    happened = {str(node["action"]) for node in _found(data, "action")}
    assert happened == set(values_of(server, "Action")), happened
    kinds = values_of(server, "DocumentKind")
    types = {str(node["__typename"]) for node in _found(data, "__typename")}
    missing = {kind.replace("_", "").lower() for kind in kinds} - {name.lower() for name in types}
    assert not missing, missing
    states = {str(node["state"]) for node in _found(data, "state")}
    assert states == STATES == set(values_of(server, "DocumentState")), states
    assert all(node["verify"]["intact"] for node in _found(data, "verify"))
    actors = [node for node in _found(data, "employeeHsaId") if "name" in node]
    shown = {(actor["employeeHsaId"], actor["name"]) for actor in actors}
    assert {name for person, name in shown if person == PROTECTED} == {None}
    assert {name for _, name in shown} >= {"Anna Andersson", "Eva Ek", "Nils Nilsson"}


def _found(value: Any, field: str) -> Iterator[Json]:
    if isinstance(value, dict):
        if field in value:
            yield value
        for inner in value.values():
            yield from _found(inner, field)
    if isinstance(value, list):
        for inner in value:
            yield from _found(inner, field)
