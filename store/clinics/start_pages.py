"""The case types on clinics' pages, with their versions, now and at any moment in the past.

A moment is converted to a sequence number of the log once. All data are then read as they were
just after that event.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from store.clinics.assignments import Assignments
from store.clinics.clinics import Clinics
from store.clinics.groups import Groups
from store.clinics.local_adaptations import adaptation_id
from store.clinics.orders import Orders, arranged
from store.clinics.policies import Policies
from store.documents.documents import Documents
from store.log.history import History
from store.log.log import Clock, utc_now
from store.log.version_history import DocumentStatus, VersionHistory
from store.records import (
    Assignment,
    CentralActivation,
    Clinic,
    ClinicStatus,
    DocumentState,
    OrderedList,
)


@dataclass(frozen=True, slots=True)
class ShownCaseType:
    """A case type on a page.

    Attributes:
        assignment: Of the case type to the clinic.
        version: Number of the published version.
        adaptation: Number of the published version of the clinic's adaptation, if it is active.
    """

    assignment: Assignment
    version: int
    adaptation: int | None

    @property
    def adaptation_id(self) -> str:
        """Id that the clinic's adaptation of the case type has, whether or not it exists."""
        return adaptation_id(self.assignment.document, self.assignment.clinic)


@dataclass(frozen=True, slots=True)
class StartPage:
    """A clinic, and the case types that residents see there, in order; both at one moment."""

    clinic: Clinic
    shown: Sequence[ShownCaseType]


class StartPages:
    """The pages of all clinics of one registry."""

    def __init__(
        self,
        *,
        clinics: Clinics,
        groups: Groups,
        orders: Orders,
        assignments: Assignments,
        documents: Documents,
        history: History,
        version_history: VersionHistory,
        policies: Policies,
        clock: Clock = utc_now,
    ) -> None:
        self._policies = policies
        self._clinics = clinics
        self._groups = groups
        self._orders = orders
        self._assignments = assignments
        self._documents = documents
        self._history = history
        self._version_history = version_history
        self._clock = clock

    async def of(
        self, clinic: Clinic, which: OrderedList, time: datetime | None = None
    ) -> StartPage:
        """The case types that residents see at a clinic; none while it is not active.

        Args:
            clinic: As it is now.
            which: Start page or contact card. The result for the contact card also has the case
                types that are not for it; the caller leaves them out.
            time: The moment; None for now.
        """
        sequence = None
        then: Clinic | None = clinic
        if time is not None:
            sequence = await self._history.sequence_at(clinic.principal, time)
            then = await self._clinics.as_of(clinic, sequence)
        if then is None or then.status_at(time or self._clock()) is not ClinicStatus.ACTIVE:
            return StartPage(then or clinic, ())
        held = await self._visible(clinic, sequence)
        orders = await self.orders([then], which, sequence)
        statuses = await self._statuses(
            clinic, [assignment.document for assignment in held], sequence
        )
        shown = []
        for assignment in arranged(held, orders[clinic.key], which):
            state, version = statuses.get(assignment.document, (None, None))
            if state is not DocumentState.ACTIVE or version is None:
                continue
            own, adaptation = statuses.get(
                adaptation_id(assignment.document, clinic.key), (None, None)
            )
            shown.append(
                ShownCaseType(
                    assignment, version, adaptation if own is DocumentState.ACTIVE else None
                )
            )
        return StartPage(then, shown)

    async def _visible(self, clinic: Clinic, sequence: int | None) -> list[Assignment]:
        """The assignments that residents may see.

        An assignment that waits for its clinic is visible only if the principal's policy no longer
        lets clinics activate case types.
        """
        held = await self._assignments.held([clinic.key], sequence)
        if any(assignment.waiting for assignment in held):
            policies = await self._policies.as_of(clinic.principal, sequence)
            clinic_activates = policies.central_activation is CentralActivation.CLINIC
            return [
                assignment
                for assignment in held
                if assignment.active or (assignment.waiting and not clinic_activates)
            ]
        return [assignment for assignment in held if assignment.active]

    async def orders(
        self, clinics: Sequence[Clinic], which: OrderedList, sequence: int | None
    ) -> Mapping[str, Sequence[Sequence[str]]]:
        """The orders that apply to clinics of one principal, by key of the clinic."""
        groups = await self._groups.of_clinics(clinics, sequence)
        return await self._orders.of_clinics(clinics, groups, which, sequence)

    async def positions(
        self, clinics: Sequence[Clinic], which: OrderedList, sequence: int | None = None
    ) -> Mapping[tuple[str, str], int]:
        """The positions of the case types at some clinics, from 1, by (clinic, document).

        Positions count all case types that a clinic has, shown or not.
        """
        by_principal: dict[str, list[Clinic]] = {}
        for clinic in clinics:
            by_principal.setdefault(clinic.principal, []).append(clinic)
        positions: dict[tuple[str, str], int] = {}
        for group in by_principal.values():
            held: dict[str, list[Assignment]] = {clinic.key: [] for clinic in group}
            for assignment in await self._assignments.held(held, sequence):
                held[assignment.clinic].append(assignment)
            orders = await self.orders(group, which, sequence)
            for key, assignments in held.items():
                positions |= {
                    (key, assignment.document): position
                    for position, assignment in enumerate(
                        arranged(assignments, orders[key], which), 1
                    )
                }
        return positions

    async def _statuses(
        self, clinic: Clinic, documents: Sequence[str], sequence: int | None
    ) -> Mapping[str, DocumentStatus]:
        """State and published version of case types and their adaptations, by id."""
        ids = [*documents, *(adaptation_id(document, clinic.key) for document in documents)]
        if sequence is not None:
            return await self._version_history.statuses_at(clinic.principal, ids, sequence)
        return {
            head.id: DocumentStatus(head.state, head.published)
            for head in (await self._documents.get_many(ids)).values()
        }
