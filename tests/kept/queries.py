"""The operations that read a kept registry.

They leave out values that may change while the stored data stays the same: labels, messages, HTML,
word-by-word differences, names of principals and codes, cursors, and everything that depends on the
current date. Each kept folder has its own copy of the queries.
"""

import re

from graphql import parse, print_ast

from tests.kinds import SAMPLES

LISTS = {sample.many: sample.query for sample in SAMPLES.values()}
"""The query of a single document by the query of the list."""

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
    many: f"""fragment {many} on {query[0].upper()}{query[1:]}Connection {{
        totalCount edges {{ node {{ id latestVersion owner {{
          ... on Principal {{ hsaId }} ... on Clinic {{ hsaId }} }} }} }} }}"""
    for many, query in LISTS.items()
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
