"""The root types and the schema: nodes by id, and the viewer."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated

import strawberry
from graphql import GraphQLSchema
from strawberry.schema.config import StrawberryConfig

from resolvers.clinics import assignments, clinics, groups, role_grants
from resolvers.clinics.selectors import ClinicCriteria
from resolvers.documents import documents, versions
from resolvers.log import active_subscriptions
from schema.clinics.assignments import Assignment, AssignmentMutation, AssignmentQuery
from schema.clinics.clinics import Clinic, ClinicQuery, list_clinics
from schema.clinics.clinics_import import ClinicImportMutation
from schema.clinics.distribution import DistributionMutation, DistributionQuery
from schema.clinics.enums import Role
from schema.clinics.groups import ClinicGroup, GroupMutation
from schema.clinics.local_adaptations import AdaptationMutation, LocalAdaptation
from schema.clinics.orders import OrderMutation
from schema.clinics.policies import PolicyMutation
from schema.clinics.principals import Principal, PrincipalQuery
from schema.clinics.role_grants import RoleGrant, RoleGrantMutation
from schema.documents.conversion import document_of, version_of
from schema.documents.lifecycle import DocumentMutation
from schema.documents.search import SearchQuery
from schema.documents.text_replacement import TextReplacementMutation
from schema.documents.version_conflicts import VersionConflict
from schema.errors import Info, InvalidInput, NotFound, NotPermitted, RefusedRowError, WrongState
from schema.kinds import (
    case_type_templates,
    case_types,
    guidance,
    notices,
    resident_case_templates,
    resident_cases,
    standard_reply_collections,
    terms_texts,
)
from schema.kinds.kind_schema import KindSchema
from schema.log.acknowledgements import AcknowledgementMutation
from schema.log.active_subscriptions import (
    ActiveSubscription,
    ActiveSubscriptionMutation,
    ActiveSubscriptionQuery,
)
from schema.log.actors import Actor
from schema.log.events import EventSubscription, find_event
from schema.log.notifications import Notification, NotificationSubscription, find_notification
from schema.nodes import After, Connection, First, Id, Node
from schema.reports.reports import ReportQuery
from schema.scalars import SCALARS
from schema.templates.adoptions import (
    MergeConflict,
    TemplateAdoptionMutation,
    TemplateAdoptionQuery,
)
from schema.templates.exchange import TemplateExchangeMutation, TemplateExchangeQuery
from schema.templates.review import TemplateReviewQuery
from store import errors, records
from store.clinics.filters import ClinicFilter

_MAX_NODES = 100
_MAX_DIGITS = 15


@strawberry.type(description="The caller: the person or machine that is signed in.")
class Viewer:
    actor: Actor = strawberry.field(
        description="The viewer as an actor, in the first of its roles."
    )
    principal: Principal | None = strawberry.field(
        description="The principal that this role is held at."
    )
    roles: list[Role] = strawberry.field(description="All roles of the viewer, each once.")

    @strawberry.field(description="The clinics that the viewer may read, by HSA-id.")
    async def clinics(
        self, info: Info, first: First = None, after: After = None
    ) -> Connection[Clinic]:
        return await list_clinics(info, ClinicCriteria(ClinicFilter()), first, after)


@strawberry.type
class Query(
    PrincipalQuery,
    ClinicQuery,
    AssignmentQuery,
    DistributionQuery,
    ActiveSubscriptionQuery,
    SearchQuery,
    TemplateAdoptionQuery,
    TemplateReviewQuery,
    TemplateExchangeQuery,
    ReportQuery,
):
    @strawberry.field(description="The viewer: who is signed in, with all roles.")
    def viewer(self, info: Info) -> Viewer:
        viewer, held = info.context.viewer, info.context.rights.held
        if not held:
            raise errors.NotPermitted("Du har ingen roll i registret.")
        actor = records.Actor(held[0].role, held[0].unit, viewer.employee_hsa_id, viewer.system)
        return Viewer(
            actor=Actor.of(actor, None),
            principal=Principal.of(info.context.principals[held[0].principal]),
            roles=list(dict.fromkeys(holding.role for holding in held)),
        )

    @strawberry.field(
        description=(
            "The object with an id. Null if there is none, or if the viewer may not see it."
        )
    )
    async def node(self, info: Info, id: Id) -> Node | None:
        return await _node(info, id)

    @strawberry.field(description="Several objects at once, at most 100, in the order of the ids.")
    async def nodes(
        self,
        info: Info,
        ids: Annotated[
            list[strawberry.ID], strawberry.argument(description="The ids, at most 100.")
        ],
    ) -> list[Node | None]:
        if len(ids) > _MAX_NODES:
            raise errors.InvalidInput.at(("ids",), "TOO_MANY", f"Högst {_MAX_NODES} åt gången.")
        return list(await asyncio.gather(*(_node(info, node_id) for node_id in ids)))


async def _node(info: Info, node_id: str) -> Node | None:
    """Find an object by its id.

    The prefix of an id is one of `_NODES` or the prefix of a kind of document. The id of a version
    is the id of its document, a dot and the number.
    """
    prefix, _, key = node_id.partition("_")
    if prefix in _NODES:
        return await _NODES[prefix](info, key)
    document_id, dot, number = node_id.partition(".")
    found = await documents.get(info.context, document_id)
    if found is None or not dot:
        return document_of(found, info) if found else None
    version = await versions.get(info.context, found, int(number)) if _is_number(number) else None
    return version_of(version) if version else None


async def _principal_node(info: Info, key: str) -> Node | None:
    principal = info.context.principals.get(key)
    return Principal.of(principal) if principal else None


async def _clinic_node(info: Info, key: str) -> Node | None:
    clinic = await clinics.get(info.context, key)
    return Clinic.of(clinic) if clinic else None


async def _group_node(info: Info, key: str) -> Node | None:
    group = await groups.get(info.context, f"gr_{key}")
    return ClinicGroup.of(group) if group else None


async def _assignment_node(info: Info, key: str) -> Node | None:
    assignment = await assignments.get(info.context, f"as_{key}")
    return Assignment.of(assignment) if assignment else None


async def _role_grant_node(info: Info, key: str) -> Node | None:
    grant = await role_grants.get(info.context, f"rg_{key}")
    return RoleGrant.of(grant) if grant else None


async def _active_subscription_node(info: Info, key: str) -> Node | None:
    subscription = await active_subscriptions.get(info.context, f"sub_{key}")
    return ActiveSubscription.of(subscription) if subscription else None


async def _event_node(info: Info, key: str) -> Node | None:
    """Find an event or, if a clinic follows the number, that clinic's notification of it."""
    principal, _, rest = key.partition(".")
    number, _, clinic_key = rest.partition(".")
    if not _is_number(number):
        return None
    if not clinic_key:
        return await find_event(info, principal, int(number))
    return await find_notification(info, principal, int(number), clinic_key)


_NODES: Mapping[str, Callable[[Info, str], Awaitable[Node | None]]] = {
    "pr": _principal_node,
    "cl": _clinic_node,
    "ev": _event_node,
    "gr": _group_node,
    "as": _assignment_node,
    "rg": _role_grant_node,
    "sub": _active_subscription_node,
}


def _is_number(text: str) -> bool:
    return (
        text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS and not text.startswith("0")
    )


@strawberry.type
class Mutation(
    AdaptationMutation,
    DocumentMutation,
    TextReplacementMutation,
    TemplateAdoptionMutation,
    TemplateExchangeMutation,
    DistributionMutation,
    AssignmentMutation,
    OrderMutation,
    ClinicImportMutation,
    GroupMutation,
    PolicyMutation,
    RoleGrantMutation,
    ActiveSubscriptionMutation,
    AcknowledgementMutation,
):
    pass


@strawberry.type(description="Live events from a cursor on, in order and without gaps.")
class Subscription(NotificationSubscription, EventSubscription):
    pass


class RegistrySchema(strawberry.Schema):
    """The schema, which `execution.executor` executes."""

    @property
    def graphql(self) -> GraphQLSchema:
        """Return the schema of graphql-core."""
        return self._schema


KIND_SCHEMAS: Sequence[KindSchema] = (
    case_types.KIND_SCHEMA,
    case_type_templates.KIND_SCHEMA,
    resident_cases.KIND_SCHEMA,
    resident_case_templates.KIND_SCHEMA,
    terms_texts.KIND_SCHEMA,
    standard_reply_collections.KIND_SCHEMA,
    guidance.KIND_SCHEMA,
    notices.KIND_SCHEMA,
)
"""The kinds of document that have their own queries and mutations."""


def schema_of(kind_schemas: Sequence[KindSchema]) -> RegistrySchema:
    """Build the schema with the queries and mutations of the given kinds."""
    queries = [kind.query for kind in kind_schemas]
    mutations = [kind.mutation for kind in kind_schemas]
    return RegistrySchema(
        query=strawberry.type(
            type("Query", (*queries, Query), {}),
            description=(
                "Queries. Lists are paged. Objects that the viewer may not see are left out or"
                " null."
            ),
        ),
        mutation=strawberry.type(
            type("Mutation", (*mutations, Mutation), {}),
            description=(
                "Mutations. Each has one input and returns what it wrote, or why nothing was"
                " written."
            ),
        ),
        subscription=Subscription,
        types=[
            *(kind.document for kind in kind_schemas),
            LocalAdaptation,
            Notification,
            InvalidInput,
            NotFound,
            NotPermitted,
            WrongState,
            RefusedRowError,
            VersionConflict,
            MergeConflict,
        ],
        config=StrawberryConfig(scalar_map=SCALARS),
    )


schema = schema_of(KIND_SCHEMAS)
