"""Distributes case types to clinics and withdraws them: permissions, and the check before."""

from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

from resolvers.access import decisions
from resolvers.access.permissions import Permission
from resolvers.access.rights import HeldRole
from resolvers.clinics import clinics
from resolvers.clinics.selectors import ClinicSelection, selector_of
from resolvers.context import Context
from resolvers.documents import documents
from store.clinics.filters import folded
from store.errors import InvalidInput, NotFound
from store.idempotency import IdempotencyKey
from store.records import AssignmentOrigin, Clinic, Document, RefusedRow, Saved

_CASE_TYPE = "CASE_TYPE"
MIN_SIMILARITY = 0.75
MAX_REPLACED = 20_000
MAX_ORDER = 20_000


@dataclass(frozen=True, slots=True)
class LocalCandidate:
    """A local case type that the central one could replace.

    Attributes:
        clinic: Key of its clinic.
        document: Its id.
        similarity: Of the two names, 0 to 1.
    """

    clinic: str
    document: str
    similarity: float


@dataclass(frozen=True, slots=True)
class DistributionCheck:
    """The result of a distribution before it is made.

    Attributes:
        will_receive: Keys of the clinics that would receive the case type, sorted.
        already: Keys of the clinics that it is distributed to already, sorted.
        refused: Rows that cannot be distributed to, in order.
        candidates: Local case types with the same or a similar name, the most similar first.
    """

    will_receive: Sequence[str]
    already: Sequence[str]
    refused: Sequence[RefusedRow]
    candidates: Sequence[LocalCandidate]


async def check(context: Context, case_type: str, to: ClinicSelection) -> DistributionCheck:
    """Compute the result of a distribution without writing.

    Raises:
        NotFound, NotPermitted, InvalidInput, RowsRefused: As `distribute`; rows that cannot be
            distributed to are part of the result instead.
    """
    document, _ = await _require_central(context, Permission.DISTRIBUTE, case_type)
    selector = await selector_of(context, to, document)
    resolved = await context.store.distribution.resolve(selector, document.principal)
    holders = await context.store.assignments.holders(document.id, resolved.clinics)
    already = [key for key in resolved.clinics if holders.get(key) is AssignmentOrigin.DISTRIBUTED]
    return DistributionCheck(
        will_receive=sorted(set(resolved.clinics) - set(already)),
        already=already,
        refused=resolved.refused,
        candidates=await _candidates(context, document, resolved.clinics),
    )


async def _candidates(
    context: Context, document: Document, clinics: Sequence[str]
) -> list[LocalCandidate]:
    """Local case types at the clinics with the same or a similar name, the most similar first."""
    similarities: dict[str, float] = {}
    candidates = []
    for local in await context.store.listing.owned_by(_CASE_TYPE, clinics):
        if local.name not in similarities:
            similarities[local.name] = similarity(document.name, local.name)
        if similarities[local.name] >= MIN_SIMILARITY:
            candidates.append(LocalCandidate(local.owner, local.id, similarities[local.name]))
    return sorted(
        candidates,
        key=lambda candidate: (-candidate.similarity, candidate.clinic, candidate.document),
    )


def similarity(name: str, other: str) -> float:
    """The similarity of two names, 0 to 1, regardless of case, foreign accents and word order."""
    return round(fuzz.token_sort_ratio(folded(name), folded(other)) / 100, 3)


async def distribute(
    context: Context,
    case_type: str,
    to: ClinicSelection,
    *,
    replace_local: Sequence[str] = (),
    start_page_order: int | None = None,
    contact_card_order: int | None = None,
    skip_refused: bool = False,
    note: str | None,
    key: IdempotencyKey | None,
) -> Saved:
    """Distribute a case type to clinics of its principal.

    Raises:
        NotFound: There is no such case type or group, or no such case type to replace.
        NotPermitted: The viewer may not distribute it, or may not archive a case type to replace.
        InvalidInput: It is a local case type; too many clinics, or none; too many case types to
            replace; an order outside 1 to 20,000.
        RowsRefused: Rows cannot be distributed to, or the text is not CSV.
        WrongState: It was never published, or is archived.
    """
    document, held = await _require_central(context, Permission.DISTRIBUTE, case_type)
    selector = await selector_of(context, to, document)
    for name, order in (
        ("startPageOrder", start_page_order),
        ("contactCardOrder", contact_card_order),
    ):
        if order is not None and not 1 <= order <= MAX_ORDER:
            raise InvalidInput.at((name,), "OUT_OF_RANGE", f"Ange ett tal från 1 till {MAX_ORDER}.")
    await _require_replaceable(context, document, replace_local)
    return await context.store.distribution.distribute(
        document,
        selector,
        replace_local=replace_local,
        start_page_order=start_page_order,
        contact_card_order=contact_card_order,
        skip_refused=skip_refused,
        act=context.act(held, note),
        key=key,
    )


async def _require_replaceable(context: Context, document: Document, ids: Sequence[str]) -> None:
    if len(ids) > MAX_REPLACED:
        raise InvalidInput.at(("replaceLocal",), "TOO_MANY", f"Högst {MAX_REPLACED} åt gången.")
    for index, local in enumerate(await context.loaders.documents.load_many(list(ids))):
        path = ("replaceLocal", str(index))
        found, _ = decisions.require(context.rights, Permission.ARCHIVE, local, path)
        if found.kind != _CASE_TYPE or found.principal != document.principal:
            raise NotFound("Ärendetypen finns inte.", path)


async def withdraw(
    context: Context,
    case_type: str,
    from_: ClinicSelection,
    *,
    note: str | None,
    key: IdempotencyKey | None,
) -> Saved:
    """Withdraw a case type from clinics.

    Raises:
        NotFound, NotPermitted, InvalidInput, RowsRefused: As `distribute`; clinics that have ended
            are accepted.
        WrongState: It is archived.
    """
    document, held = await _require_central(context, Permission.DISTRIBUTE, case_type)
    selector = await selector_of(context, from_, document)
    return await context.store.distribution.withdraw(
        document, selector, act=context.act(held, note), key=key
    )


async def follow(
    context: Context, case_type: str, clinic: str, *, note: str | None, key: IdempotencyKey | None
) -> Saved:
    """Let a clinic follow a central case type of its principal.

    Raises:
        NotFound: There is no such clinic, or no such case type at its principal.
        NotPermitted: The viewer may not follow for the clinic.
        InvalidInput: It is a local case type, or the clinic is not active.
        WrongState: It was never published, or is archived.
    """
    document, found, held = await _require_at_clinic(context, Permission.FOLLOW, case_type, clinic)
    return await context.store.distribution.follow(
        document, found, act=context.act(held, note), key=key
    )


async def unfollow(
    context: Context, case_type: str, clinic: str, *, note: str | None, key: IdempotencyKey | None
) -> Saved:
    """Let a clinic stop following a central case type.

    Raises:
        NotFound, InvalidInput: As `follow`.
        NotPermitted: The viewer may not do this for the clinic, or the case type was distributed.
    """
    document, found, held = await _require_at_clinic(context, Permission.FOLLOW, case_type, clinic)
    return await context.store.distribution.unfollow(
        document, found, act=context.act(held, note), key=key
    )


async def show(
    context: Context,
    case_type: str,
    clinic: str,
    *,
    shown: bool,
    note: str | None,
    key: IdempotencyKey | None,
) -> Saved:
    """Show a central case type to residents at one clinic, or hide it there.

    Raises:
        NotFound: There is no such clinic or case type, or the clinic does not have it.
        NotPermitted: The viewer may not do this; hiding needs the permission to distribute.
        InvalidInput: It is a local case type.
    """
    permission = Permission.SHOW if shown else Permission.DISTRIBUTE
    document, found, held = await _require_at_clinic(context, permission, case_type, clinic)
    return await context.store.distribution.show(
        document, found, shown=shown, act=context.act(held, note), key=key
    )


async def _require_central(
    context: Context, permission: Permission, case_type: str
) -> tuple[Document, HeldRole]:
    path = ("caseType",)
    document, held = decisions.require(
        context.rights, permission, await documents.get(context, case_type, _CASE_TYPE), path
    )
    require_central(document)
    return document, held


def require_central(document: Document) -> None:
    """Refuse a local case type.

    Raises:
        InvalidInput: It is one.
    """
    if decisions.clinic_of(document) is not None:
        raise InvalidInput.at(
            ("caseType",),
            "LOCAL_CASE_TYPE",
            "En lokal ärendetyp hör till sin mottagning och kan inte delas ut eller följas.",
        )


async def _require_at_clinic(
    context: Context, permission: Permission, case_type: str, hsa_id: str
) -> tuple[Document, Clinic, HeldRole]:
    """A central case type, a clinic of its principal, and the role that permits the act there."""
    clinic = await clinics.require(context, hsa_id, ("clinic",))
    document = decisions.require_visible(
        context.rights, await documents.get(context, case_type, _CASE_TYPE), ("caseType",)
    )
    held = decisions.require_at(
        context.rights, permission, clinic.principal, clinic.key, ("clinic",)
    )
    require_central(document)
    if document.principal != clinic.principal:
        raise NotFound("Ärendetypen finns inte hos mottagningens huvudman.", ("caseType",))
    return document, clinic, held
