"""What the store hands out: plain frozen records, read without validation.

Content is a plain JSON object in the API's own names (camelCase), as the kind's Pydantic model
wrote it.
Times are aware, in UTC, with millisecond precision (BSON's). Keys of principals and clinics are
their HSA-ids in upper case,
since HSA-ids are kept as given and compared without case.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum, auto
from typing import Any

Content = Mapping[str, Any]


def key_of(hsa_id: str) -> str:
    """The key that an HSA-id is compared and stored by: itself in upper case."""
    return hsa_id.upper()


class _Name(StrEnum):
    @staticmethod
    def _generate_next_value_(name: str, start: int, count: int, last_values: list[str]) -> str:  # noqa: ARG004 - enum's protocol
        return name


class Role(_Name):
    """What a person or machine may be signed in as (domain: login)."""

    NATIONAL_ADMINISTRATOR = auto()
    REGIONAL_ADMINISTRATOR = auto()
    LOCAL_ADMINISTRATOR = auto()
    CLINIC_STAFF = auto()
    REVIEWER = auto()
    REPORTER = auto()


class PrincipalKind(_Name):
    """Who answers for clinics."""

    NATIONAL = auto()
    REGION = auto()
    MUNICIPALITY = auto()


class ClinicStatus(_Name):
    """Whether a clinic can be handed case types; ENDED follows from its end date."""

    ACTIVE = auto()
    NOT_ACTIVATED = auto()
    ENDED = auto()
    ARCHIVED = auto()


class DocumentState(_Name):
    """DRAFT until first published; ARCHIVED ends it."""

    DRAFT = auto()
    ACTIVE = auto()
    INACTIVE = auto()
    ARCHIVED = auto()


class Action(_Name):
    """What an event tells of."""

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


class Audience(_Name):
    """Which clinics an event is for: none (drafts), all that have the document then, those it
    names, or all of the principal.
    """

    NONE = auto()
    ASSIGNED = auto()
    NAMED = auto()
    PRINCIPAL = auto()


class AssignmentOrigin(_Name):
    """How a case type came to a clinic."""

    DISTRIBUTED = auto()
    FOLLOWED = auto()
    OWN = auto()


class OwnerKind(_Name):
    """Documents belong to a principal or to one clinic."""

    PRINCIPAL = auto()
    CLINIC = auto()


class OrderedList(_Name):
    """What case types are ordered on: the page for logged-in residents, or the card on the public
    site.
    """

    START_PAGE = auto()
    CONTACT_CARD = auto()


class CentralActivation(_Name):
    """Who shows a central case type at a clinic: its principal everywhere at once, or each clinic
    for itself.
    """

    PRINCIPAL = auto()
    CLINIC = auto()


class RefusalReason(_Name):
    """Why a row can't be distributed to."""

    MALFORMED = auto()
    UNKNOWN = auto()
    DUPLICATE = auto()
    NOT_ACTIVATED = auto()
    ENDED = auto()
    ARCHIVED = auto()
    OUTSIDE_PRINCIPAL = auto()


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did something, as stored and hashed: no display name, so that a name can be erased
    without breaking a chain.
    """

    role: Role
    unit: str | None
    employee_hsa_id: str | None
    system: bool = False


@dataclass(frozen=True, slots=True)
class Act:
    """Who writes, why, and in which request."""

    actor: Actor
    note: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Owner:
    """A principal's or a clinic's key."""

    kind: OwnerKind
    key: str


@dataclass(frozen=True, slots=True)
class Derivation:
    """The template, and its version, that a version was made from."""

    template: str
    version: int


@dataclass(frozen=True, slots=True)
class Origin:
    """The version of another document, perhaps in another registry, that a version was imported
    from; `principal` is that one's key.
    """

    document: str
    version: int
    hash: str
    principal: str


@dataclass(frozen=True, slots=True)
class Principal:
    """National management, region or municipality. `key` is the HSA-id in upper case."""

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
    """An HSA unit activated in the e-services. Codes are data: unknown ones pass."""

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
        """The status at a moment: one that is not archived has ended once its end date has passed."""
        if (
            self.status is not ClinicStatus.ARCHIVED
            and self.end_date is not None
            and self.end_date <= time
        ):
            return ClinicStatus.ENDED
        return self.status


@dataclass(frozen=True, slots=True)
class ClinicRule:
    """What the clinics of a group by rule have in common; what is None does not matter."""

    business_classifications: Sequence[str] | None = None
    business_types: Sequence[str] | None = None
    care_types: Sequence[str] | None = None
    management: Sequence[str] | None = None
    county_codes: Sequence[str] | None = None
    municipality_codes: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class ClinicGroup:
    """A named set of a principal's clinics: by `members` (keys, sorted) or by `rule`, one of them
    None.
    """

    id: str
    principal: str
    name: str
    members: Sequence[str] | None
    rule: ClinicRule | None


@dataclass(frozen=True, slots=True)
class PrincipalPolicies:
    """What a principal has decided for its clinics."""

    central_activation: CentralActivation = CentralActivation.PRINCIPAL
    clinics_edit: bool = True
    open_page_links: bool = False
    lowest_acr: str = "http://id.sambi.se/loa/loa3"


@dataclass(frozen=True, slots=True)
class RoleGrant:
    """A role given in the registry's own table, for those whose tokens carry none.

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
    """A subscription that is open: to what `clinics` (keys, sorted) are told, or without any to the
    principal's log.

    `sequence` is the number of the last event that it was told of, where it is behind; None while
    it keeps up.
    """

    id: str
    principal: str
    clinics: Sequence[str]
    actor: Actor
    since: datetime
    sequence: int | None


@dataclass(frozen=True, slots=True)
class Summary:
    """What lists tell of a document.

    `name` and `internal_name` are those in force, or of the newest version while nothing is
    published. `updated_at` is the time of the last change of
    content or state, `noticed_at` of the last one that clinics were told of; `highest_released` the
    newest version ever in force, 0 for none.
    `subject` is the document that this one is an addition to.
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
    """The head: state, newest version and version in force.

    `published_content` is None unless a version other than the newest is in force. `author` and
    `edited_at` are the newest version's.
    `notice_count` counts the events that those who may not edit can see, `release_count` the
    versions that were ever in force. `origin` is what
    was last imported into it.
    `tokens` are what it is found by, read only where it is written: None where that was not read,
    or is not there yet.
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
        """The published content, or the newest while nothing is published."""
        return self.content if self.published_content is None else self.published_content


@dataclass(frozen=True, slots=True)
class Version:
    """One immutable snapshot.

    `hash` covers all but `sequence`, and the version before through `previous_hash`.
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
        """The global id; (document, number, hash) is a permanent address."""
        return f"{self.document}.{self.number}"


@dataclass(frozen=True, slots=True)
class Event:
    """One act in a principal's log.

    `version` is the version that the act made or put in force; `published_before` and
    `published_after` are the numbers in force around it;
    `state` is the document's after it. `clinics` are the keys that the act names, sorted; `group`
    is the group that they were chosen by,
    `person` the key of the person that the act is about, `export` what was exported. `batch` is
    shared by the events of one act on several documents.
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
    """A case type at a clinic, from one event's sequence to another's (both inclusive for what the
    clinic is told).

    `arrival` is the sequence number at which it came, which stays when it is activated there or
    changes origin. Residents meet it only while
    `active`; one that is `waiting` came where clinics activate case types themselves, and is met
    also once they need not any more.
    The orders are the places that its distribution asked for. `acknowledged_version` is the version
    in force that the clinic was told of when it
    last acknowledged; None before that.
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
    """One row that can't be distributed to; `row` counts from 1."""

    row: int
    value: str
    reason: RefusalReason


@dataclass(frozen=True, slots=True)
class Saved:
    """What a write answers.

    `event` is None where the call changed nothing; `document` is as it is now; `target` is the id
    of what else it made.
    """

    document: Document | None = None
    version: Version | None = None
    event: Event | None = None
    skipped: Sequence[RefusedRow] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    target: str | None = None
