"""Queries of principals, clinics, logs and assignments whose plans are checked.

`test_query_plans` replaces `$clinic` and similar placeholders by values of its registry.
"""

from collections.abc import Mapping

from tests.api.document_reads import EVENTS, Case

CLINIC_READS: Mapping[str, Case] = {
    "principals": ("region", "{ principals { edges { node { name } } } }"),
    "a principal's clinics": (
        "region",
        (
            "{ principal(hsaId: $principal) { clinics(first: 5) { totalCount edges { node { name }"
            " } } } }"
        ),
    ),
    "a principal's groups": (
        "region",
        (
            "{ principal(hsaId: $principal) { groups(first: 5) { edges { node { name clinics {"
            " totalCount } } } } } }"
        ),
    ),
    "a principal's policies and roles": (
        "region",
        (
            "{ principal(hsaId: $principal) { policies { __typename } roleGrants(first: 5) {"
            " totalCount edges { node { role } } } } }"
        ),
    ),
    "a principal's log": (
        "reporter",
        f"{{ principal(hsaId: $principal) {{ events(first: 5) {{ totalCount {EVENTS} }} }} }}",
    ),
    "a log by action": (
        "region",
        (
            "{ principal(hsaId: $principal) { events(first: 5, filter: { actions: [EDITED] }) {"
            " edges { cursor } } } }"
        ),
    ),
    "a log by document": (
        "region",
        (
            "{ principal(hsaId: $principal) { events(first: 5, filter: { document: $document }) {"
            " edges { cursor } } } }"
        ),
    ),
    "a log by clinic": (
        "region",
        (
            "{ principal(hsaId: $principal) { events(first: 5, filter: { clinic: $clinic }) { edges"
            " { cursor } } } }"
        ),
    ),
    "a log by person": (
        "region",
        (
            "{ principal(hsaId: $principal) { events(first: 5, filter: { actor: $person }) { edges"
            " { cursor } } } }"
        ),
    ),
    "a log by time": (
        "region",
        (
            "{ principal(hsaId: $principal) { events(first: 5, filter: { since: $then, until: $now"
            " }) { edges { cursor } } } }"
        ),
    ),
    "a clinic": (
        "staff",
        (
            "{ clinic(hsaId: $clinic) { name status principal { name } businessClassifications {"
            " code } } }"
        ),
    ),
    "a clinic's groups": ("region", "{ clinic(hsaId: $clinic) { groups { name } } }"),
    "a start page": (
        "staff",
        (
            "{ clinic(hsaId: $clinic) { startPage { position caseType { name } version { number }"
            " effective { name } html } } }"
        ),
    ),
    "a start page in the past": (
        "staff",
        "{ clinic(hsaId: $clinic) { startPage(asOf: $now) { position caseType { name } } } }",
    ),
    "a contact card": (
        "staff",
        "{ clinic(hsaId: $clinic) { contactCard { position caseType { name } } } }",
    ),
    "a clinic's assignments": (
        "staff",
        (
            "{ clinic(hsaId: $clinic) { assignments(first: 5) { totalCount edges { node { caseType"
            " { name } } } } } }"
        ),
    ),
    "a clinic's adaptation": (
        "clinic_admin",
        (
            "{ clinic(hsaId: $clinic) { localAdaptation(caseType: $document) { needsReview"
            " latestVersion } } }"
        ),
    ),
    "an inbox": (
        "staff",
        (
            "{ clinic(hsaId: $clinic) { unacknowledgedCount notifications(first: 5) { edges { node"
            " { action changes { path } } } } } }"
        ),
    ),
    "an inbox, unacknowledged only": (
        "staff",
        """{ clinic(hsaId: $clinic) {
            notifications(unacknowledgedOnly: true, residentVisibleOnly: true, first: 5) {
                edges { node { action acknowledgedAt } } } } }""",
    ),
    "clinics": (
        "region",
        "{ clinics(first: 5) { totalCount edges { node { name unacknowledgedCount } } } }",
    ),
    "clinics by words": (
        "region",
        '{ clinics(first: 5, filter: { text: "vårdcentr 07" }) { edges { node { name } } } }',
    ),
    "clinics by classification": (
        "region",
        (
            '{ clinics(first: 5, filter: { businessClassifications: ["1112"] }) { edges { node {'
            " name } } } }"
        ),
    ),
    "clinics similar to another": (
        "region",
        "{ clinics(first: 5, filter: { similarTo: $clinic }) { edges { node { name } } } }",
    ),
    "clinics of a group": (
        "region",
        "{ clinics(first: 5, filter: { group: $group }) { totalCount edges { node { name } } } }",
    ),
    "assignments": (
        "region",
        (
            "{ assignments(first: 5) { totalCount edges { node { clinic { name } caseType { name }"
            " } } } }"
        ),
    ),
    "assignments by clinic": (
        "region",
        (
            "{ assignments(first: 5, filter: { clinic: $clinic }) { totalCount edges { node { since"
            " } } } }"
        ),
    ),
    "assignments by case type": (
        "region",
        (
            "{ assignments(first: 5, filter: { caseType: $document }) { totalCount edges { node {"
            " since } } } }"
        ),
    ),
    "assignments by origin": (
        "region",
        "{ assignments(first: 5, filter: { origin: FOLLOWED }) { edges { node { since } } } }",
    ),
    "assignments by time": (
        "region",
        "{ assignments(first: 5, orderBy: SINCE_DESC) { edges { node { since } } } }",
    ),
    "assignments behind": (
        "region",
        (
            "{ assignments(first: 5, filter: { behindOnly: true }) { edges { node { clinic { name }"
            " } } } }"
        ),
    ),
    "assignments in the past": (
        "region",
        "{ assignments(first: 5, asOf: $now) { edges { node { since } } } }",
    ),
    "assignments of a group": (
        "region",
        "{ assignments(first: 5, filter: { group: $group }) { edges { node { since } } } }",
    ),
    "a distribution check": (
        "region",
        """{ checkDistribution(caseType: $document, to: { group: $group }) {
            willReceive(first: 5) { totalCount } alreadyAssigned(first: 5) { totalCount }
            localCandidates { similarity } } }""",
    ),
    "open subscriptions": (
        "region",
        "{ activeSubscriptions(principal: $principal) { edges { node { behind } } } }",
    ),
    "reports on clinics": (
        "reporter",
        """{ reports { caseTypesPerClinic(first: 5) { edges { node { caseTypes clinic { name } } } }
            clinicsBehind(first: 5) { edges { node { caseTypes since } } } } }""",
    ),
    "reports on times": (
        "reporter",
        """{ reports {
            acknowledgementTimes(from: $then) { publications total { __typename } }
            editsPerMonth(from: $then) { month versions } } }""",
    ),
    "the viewer": (
        "staff",
        "{ viewer { actor { name } roles clinics { edges { node { name } } } } }",
    ),
}
