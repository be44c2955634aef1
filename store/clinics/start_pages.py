"""What stands on clinics' pages, version by version, now and at any moment before.

A moment is turned into a sequence number of the log once; everything else is read as it was just
after that event.
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
from store.log.history import History, Standing
from store.log.log import Clock, utc_now
from store.records import (
    Assignment,
    CentralActivation,
    Clinic,
    ClinicStatus,
    DocumentState,
    OrderedList,
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A case type on a page: the numbers of the version in force, and of the clinic's own
    adaptation where there is one in force.
    """

    assignment: Assignment
    version: int
    adaptation: int | None

    @property
    def adaptation_id(self) -> str:
        """Id of the clinic's adaptation of the case type, whether there is one or not."""
        return adaptation_id(self.assignment.document, self.assignment.clinic)


@dataclass(frozen=True, slots=True)
class StartPage:
    """A clinic as it was, and what residents met there, in order."""

    clinic: Clinic
    shown: Sequence[Shown]


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
        self._clock = clock

    async def of(
        self, clinic: Clinic, which: OrderedList, time: datetime | None = None
    ) -> StartPage:
        """What residents meet at a clinic: nothing while it is not active.

        Args:
            clinic: As it is now.
            which: The start page or the contact card; whether a case type is for the card is not
                decided here.
            time: Now without one.
        """
        sequence = None
        then: Clinic | None = clinic
        if time is not None:
            sequence = await self._history.sequence_at(clinic.principal, time)
            then = await self._clinics.as_of(clinic, sequence)
        if then is None or then.status_at(time or self._clock()) is not ClinicStatus.ACTIVE:
            return StartPage(then or clinic, ())
        held = await self._met(clinic, sequence)
        orders = await self.orders([then], which, sequence)
        standing = await self._standing(
            clinic, [assignment.document for assignment in held], sequence
        )
        shown = []
        for assignment in arranged(held, orders[clinic.key], which):
            state, version = standing.get(assignment.document, (None, None))
            if state is not DocumentState.ACTIVE or version is None:
                continue
            own, adaptation = standing.get(
                adaptation_id(assignment.document, clinic.key), (None, None)
            )
            shown.append(
                Shown(assignment, version, adaptation if own is DocumentState.ACTIVE else None)
            )
        return StartPage(then, shown)

    async def _met(self, clinic: Clinic, sequence: int | None) -> list[Assignment]:
        """What residents may meet; a case type that waits for its clinic only where clinics need
        not activate it any more.
        """
        held = await self._assignments.held([clinic.key], sequence)
        if any(assignment.waiting for assignment in held):
            policies = await self._policies.as_of(clinic.principal, sequence)
            by_clinic = policies.central_activation is CentralActivation.CLINIC
            return [
                assignment
                for assignment in held
                if assignment.active or (assignment.waiting and not by_clinic)
            ]
        return [assignment for assignment in held if assignment.active]

    async def orders(
        self, clinics: Sequence[Clinic], which: OrderedList, sequence: int | None
    ) -> Mapping[str, Sequence[Sequence[str]]]:
        """The orders that hold for clinics of one principal, by clinic key."""
        groups = await self._groups.of_clinics(clinics, sequence)
        return await self._orders.of_clinics(clinics, groups, which, sequence)

    async def positions(
        self, clinics: Sequence[Clinic], which: OrderedList, sequence: int | None = None
    ) -> Mapping[tuple[str, str], int]:
        """The 1-based place of each case type among all that a clinic has, shown or not, by
        (clinic, document).
        """
        by_principal: dict[str, list[Clinic]] = {}
        for clinic in clinics:
            by_principal.setdefault(clinic.principal, []).append(clinic)
        places: dict[tuple[str, str], int] = {}
        for several in by_principal.values():
            held: dict[str, list[Assignment]] = {clinic.key: [] for clinic in several}
            for assignment in await self._assignments.held(held, sequence):
                held[assignment.clinic].append(assignment)
            orders = await self.orders(several, which, sequence)
            for key, assignments in held.items():
                places |= {
                    (key, assignment.document): place
                    for place, assignment in enumerate(arranged(assignments, orders[key], which), 1)
                }
        return places

    async def _standing(
        self, clinic: Clinic, documents: Sequence[str], sequence: int | None
    ) -> Mapping[str, Standing]:
        wanted = [*documents, *(adaptation_id(document, clinic.key) for document in documents)]
        if sequence is not None:
            return await self._history.standing_at(clinic.principal, wanted, sequence)
        return {
            head.id: (head.state, head.published)
            for head in (await self._documents.get_many(wanted)).values()
        }
