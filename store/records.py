"""The records that the store returns: plain frozen data, read without validation.

Content is a JSON object with the API's names (camelCase), as the kind's Pydantic model wrote it.
Times are aware, in UTC, with millisecond precision (BSON's). Keys of principals and clinics are
their HSA-ids in upper case: HSA-ids are stored as they were given and compared without case.

The names of fields are also the names of fields in MongoDB's rows (`store.mongo.rows`).

Longer than 350 lines because it is one vocabulary without logic: its records refer to each other,
and most modules of the store, the resolvers and the schema import several of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum, auto
from typing import Any

Content = Mapping[str, Any]


def key_of(hsa_id: str) -> str:
    """Return the key of an HSA-id: the HSA-id in upper case."""
    return hsa_id.upper()


class _NameEnum(StrEnum):
    """A string enumeration whose values are the names of its members."""

    @staticmethod
    def _generate_next_value_(name: str, start: int, count: int, last_values: list[str]) -> str:  # noqa: ARG004 - enum's protocol
        return name


class Role(_NameEnum):
    """The roles of people and machines that sign in."""

    NATIONAL_ADMINISTRATOR = auto()
    REGIONAL_ADMINISTRATOR = auto()
    LOCAL_ADMINISTRATOR = auto()
    CLINIC_STAFF = auto()
    REVIEWER = auto()
    REPORTER = auto()


class PrincipalKind(_NameEnum):
    """The kinds of bodies that are responsible for clinics."""

    NATIONAL = auto()
    REGION = auto()
    MUNICIPALITY = auto()


class ClinicStatus(_NameEnum):
    """Whether case types can be distributed to a clinic; ENDED follows from its end date."""

    ACTIVE = auto()
    NOT_ACTIVATED = auto()
    ENDED = auto()
    ARCHIVED = auto()


class DocumentState(_NameEnum):
    """The state of a document: DRAFT until first published, ARCHIVED when it is no longer used."""

    DRAFT = auto()
    ACTIVE = auto()
    INACTIVE = auto()
    ARCHIVED = auto()


class Action(_NameEnum):
    """The action that an event records."""

    CREATED = auto()
    EDITED = auto()
    PUBLISHED = auto()
    ACTIVATED = auto()
    DEACTIVATED = auto()
    RESTORED = auto()
    TEMPLATE_ADOPTED = auto()
    ARCHIVED = auto()
    DISTRIBUTED = auto()
    WITHDRAWN = auto()
    FOLLOWED = auto()
    UNFOLLOWED = auto()
    REORDERED = auto()
    REPLACED = auto()
    ADAPTED = auto()
    ACKNOWLEDGED = auto()
    IMPORTED = auto()
    GROUPED = auto()
    POLICIES_CHANGED = auto()
    ROLE_GRANTED = auto()
    ROLE_REVOKED = auto()
    PERSON_PROTECTED = auto()
    PERSON_UNPROTECTED = auto()
    SUBSCRIPTION_ENDED = auto()
    EXPORTED = auto()


class Audience(_NameEnum):
    """The clinics that an event concerns.

    NONE is for drafts. ASSIGNED are the clinics that have the document at that moment, NAMED those
    that the event names, and PRINCIPAL all clinics of the principal.
    """

    NONE = auto()
    ASSIGNED = auto()
    NAMED = auto()
    PRINCIPAL = auto()


class AssignmentOrigin(_NameEnum):
    """How a clinic got a case type."""

    DISTRIBUTED = auto()
    FOLLOWED = auto()
    OWN = auto()


class OwnerKind(_NameEnum):
    """The owner of a document: a principal or one clinic."""

    PRINCIPAL = auto()
    CLINIC = auto()


class OrderedList(_NameEnum):
    """A page with an order of case types.

    START_PAGE is the page for logged-in residents, CONTACT_CARD the card on the public site.
    """

    START_PAGE = auto()
    CONTACT_CARD = auto()


class CentralActivation(_NameEnum):
    """Who activates a central case type.

    PRINCIPAL activates it at all clinics at once; with CLINIC, each clinic activates it itself.
    """

    PRINCIPAL = auto()
    CLINIC = auto()


class RefusalReason(_NameEnum):
    """Why a case type cannot be distributed to the clinic in a row."""

    MALFORMED = auto()
    UNKNOWN = auto()
    DUPLICATE = auto()
    NOT_ACTIVATED = auto()
    ENDED = auto()
    ARCHIVED = auto()
    OUTSIDE_PRINCIPAL = auto()


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acted, as stored and hashed.

    It has no display name, so that a name can be erased without breaking a hash chain.
    """

    role: Role
    unit: str | None
    employee_hsa_id: str | None
    system: bool = False


@dataclass(frozen=True, slots=True)
class Act:
    """The actor, note and request of a write."""

    actor: Actor
    note: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner of a document: the key of a principal or a clinic."""

    kind: OwnerKind
    key: str


@dataclass(frozen=True, slots=True)
class Derivation:
    """The template, and its version, that a version is made from."""

    template: str
    version: int


@dataclass(frozen=True, slots=True)
class Origin:
    """The version of another document that a version was imported from.

    It may be in another registry. `principal` is the key of that document's principal.
    """

    document: str
    version: int
    hash: str
    principal: str


@dataclass(frozen=True, slots=True)
class Principal:
    """The national management, a region or a municipality; `key` is the HSA-id in upper case."""

    key: str
    hsa_id: str
    name: str
    kind: PrincipalKind
    county_code: str | None

    @property
    def id(self) -> str:
        """The global id."""
        return f"pr_{self.key}"


@dataclass(frozen=True, slots=True)
class Clinic:
    """An HSA unit that is activated in the e-services.

    Codes are data: unknown ones are accepted. `acknowledged` is the sequence number up to which the
    clinic has acknowledged its principal's log.
    """

    key: str
    hsa_id: str
    name: str
    principal: str
    public_name: str | None = None
    business_classifications: Sequence[str] = ()
    business_types: Sequence[str] = ()
    care_types: Sequence[str] = ()
    management: Sequence[str] = ()
    county_code: str | None = None
    municipality_code: str | None = None
    location: str | None = None
    telephone_number: str | None = None
    financing_organizations: Sequence[str] = ()
    start_date: datetime | None = None
    end_date: datetime | None = None
    status: ClinicStatus = ClinicStatus.ACTIVE
    acknowledged: int = 0

    @property
    def id(self) -> str:
        """The global id."""
        return f"cl_{self.key}"

    def status_at(self, time: datetime) -> ClinicStatus:
        """Return the status at a moment: ENDED after the end date, unless it is archived."""
        if (
            self.status is not ClinicStatus.ARCHIVED
            and self.end_date is not None
            and self.end_date <= time
        ):
            return ClinicStatus.ENDED
        return self.status


@dataclass(frozen=True, slots=True)
class ClinicRule:
    """The rule of a group: the clinics with all these values; a field that is None is ignored."""

    business_classifications: Sequence[str] | None = None
    business_types: Sequence[str] | None = None
    care_types: Sequence[str] | None = None
    management: Sequence[str] | None = None
    county_codes: Sequence[str] | None = None
    municipality_codes: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class ClinicGroup:
    """A named set of a principal's clinics.

    It has `members` (keys, sorted) or a `rule`; the other one is None.
    """

    id: str
    principal: str
    name: str
    members: Sequence[str] | None
    rule: ClinicRule | None


@dataclass(frozen=True, slots=True)
class PrincipalPolicies:
    """The policies of a principal for its clinics."""

    central_activation: CentralActivation = CentralActivation.PRINCIPAL
    clinics_edit: bool = True
    open_page_links: bool = False
    lowest_acr: str = "http://id.sambi.se/loa/loa3"


@dataclass(frozen=True, slots=True)
class RoleGrant:
    """A role in the registry's own table, for people whose tokens have no role.

    `unit` and `employee` are keys.
    """

    id: str
    principal: str
    unit: str
    role: Role
    employee: str
    since: datetime
    by: Actor


@dataclass(frozen=True, slots=True)
class ActiveSubscription:
    """An open subscription.

    Attributes:
        id: Its id.
        principal: Key of the principal whose log it follows.
        clinics: Keys of the clinics whose notifications it delivers, sorted. Without any, it
            delivers the events of the log.
        actor: Who subscribes.
        since: When it was opened.
        sequence: The number of the last event that was delivered; None while it is not behind.
    """

    id: str
    principal: str
    clinics: Sequence[str]
    actor: Actor
    since: datetime
    sequence: int | None


@dataclass(frozen=True, slots=True)
class Summary:
    """The part of a document that lists show.

    Attributes:
        id: The document's id.
        kind: The name of its kind.
        principal: Key of the principal whose log has the document.
        owner: The principal or clinic that owns it.
        state: Its state.
        latest: The number of the newest version.
        published: The number of the published version; None before the first publication.
        name: The name in the published version; in the newest version while nothing is published.
        internal_name: The internal name in the same version.
        created_at: When the first version was made.
        updated_at: When the content or state last changed.
        noticed_at: When a change last concerned clinics; None for never.
        highest_released: The highest version number that was ever published; 0 for none.
        subject: The id of the document that this one is an addition to; None without one.
    """

    id: str
    kind: str
    principal: str
    owner: Owner
    state: DocumentState
    latest: int
    published: int | None
    name: str
    internal_name: str
    created_at: datetime
    updated_at: datetime
    noticed_at: datetime | None = None
    highest_released: int = 0
    subject: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document(Summary):
    """The head of a document: its state, newest version and published version.

    Attributes:
        content: The content of the newest version.
        published_content: The content of the published version; None if that is the newest version,
            or if nothing is published.
        schema_version: The content model of `content`.
        published_schema_version: The content model of `published_content`.
        derived_from: The template that the newest version is made from.
        hash: The hash of the newest version.
        author: The author of the newest version.
        edited_at: When the newest version was made.
        event_count: The number of events on the document.
        notice_count: The number of events that callers who cannot see drafts may see.
        release_count: The number of versions that were ever published.
        archived_sequence: The sequence number of the event that archived it; None if it is not
            archived.
        tokens: The search tokens. They are read only for writing; None where they were not read or
            do not exist yet.
        origin: The version that was last imported into the document.
    """

    content: Content
    published_content: Content | None
    schema_version: int
    published_schema_version: int | None
    derived_from: Derivation | None
    hash: str
    author: Actor
    edited_at: datetime
    event_count: int = 0
    notice_count: int = 0
    release_count: int = 0
    archived_sequence: int | None = None
    tokens: Sequence[str] | None = field(default=None, compare=False, repr=False)
    origin: Origin | None = None

    @property
    def content_in_force(self) -> Content:
        """The published content, or the newest content while nothing is published."""
        return self.content if self.published_content is None else self.published_content


@dataclass(frozen=True, slots=True)
class Version:
    """An immutable version of a document.

    `hash` covers all fields except `sequence`, and the version before through `previous_hash`.
    """

    document: str
    kind: str
    principal: str
    number: int
    content: Content
    schema_version: int
    author: Actor
    created_at: datetime
    note: str | None
    derived_from: Derivation | None
    restored_from: int | None
    hash: str
    previous_hash: str | None
    sequence: int
    origin: Origin | None = None

    @property
    def id(self) -> str:
        """The global id. (document, number, hash) is a permanent address."""
        return f"{self.document}.{self.number}"


@dataclass(frozen=True, slots=True)
class Event:
    """One event in a principal's log.

    Attributes:
        principal: Key of the principal whose log has the event.
        sequence: Its number in the log, from 1 without gaps.
        action: What was done.
        at: When it was done; never before the previous event.
        actor: Who did it.
        note: The actor's note.
        request_id: The id of the request.
        document: The id of the document.
        kind: The name of the document's kind.
        version: The number of the version that was made or published.
        restored_from: The number of the version that was restored.
        published_before: The number of the version that was published before the event.
        published_after: The number of the version that is published after it.
        state: The document's state after it.
        audience: The clinics that it concerns.
        resident_visible: Whether it changed something that residents see.
        clinics: Keys of the clinics that it names, sorted.
        counts: Numbers by name, such as the number of clinics in a group.
        group: The id of the group that the clinics were chosen by.
        person: The key of the person that it is about.
        batch: An id that the events of one call on several documents share.
        export: What was exported.
    """

    principal: str
    sequence: int
    action: Action
    at: datetime
    actor: Actor
    note: str | None = None
    request_id: str | None = None
    document: str | None = None
    kind: str | None = None
    version: int | None = None
    restored_from: int | None = None
    published_before: int | None = None
    published_after: int | None = None
    state: DocumentState | None = None
    audience: Audience = Audience.NONE
    resident_visible: bool = False
    clinics: Sequence[str] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    group: str | None = None
    person: str | None = None
    batch: str | None = None
    export: str | None = None

    @property
    def id(self) -> str:
        """The global id."""
        return f"ev_{self.principal}.{self.sequence}"


@dataclass(frozen=True, slots=True)
class Assignment:
    """A case type at a clinic, during an interval of the principal's log.

    Attributes:
        id: Its id.
        clinic: The clinic's key.
        document: The case type's id.
        principal: Key of the principal whose log has the case type.
        origin: How the clinic got it.
        from_sequence: The event that opened the interval. Both ends are included when events are
            delivered to the clinic.
        since: The time of that event.
        by: Who caused it.
        until_sequence: The event that closed the interval; None while it is open.
        until: The time of that event.
        start_page_order: The place on the start page that the distribution requested.
        contact_card_order: The place on the contact card that the distribution requested.
        arrival: The event at which the clinic got the case type. Activation and a change of origin
            open a new interval with the same arrival.
        active: Whether residents see it.
        waiting: Whether it waits for the clinic to activate it. Residents see it also when the
            principal's policy no longer requires that.
        acknowledged_version: The version that was published at the event that the clinic last
            acknowledged; None before its first acknowledgement.
    """

    id: str
    clinic: str
    document: str
    principal: str
    origin: AssignmentOrigin
    from_sequence: int
    since: datetime
    by: Actor
    until_sequence: int | None = None
    until: datetime | None = None
    start_page_order: int | None = None
    contact_card_order: int | None = None
    arrival: int = 0
    active: bool = True
    waiting: bool = False
    acknowledged_version: int | None = None


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row with a clinic that a case type cannot be distributed to; `row` counts from 1."""

    row: int
    value: str
    reason: RefusalReason


@dataclass(frozen=True, slots=True)
class Saved:
    """The result of a write.

    Attributes:
        document: The document after the write.
        version: The version that was made or published.
        event: The event that was written; None if the call changed nothing.
        skipped: Rows that were left out.
        counts: Numbers by name.
        target: The id of another object that was created or changed.
    """

    document: Document | None = None
    version: Version | None = None
    event: Event | None = None
    skipped: Sequence[RefusedRow] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    target: str | None = None
