"""Groups of clinics that the viewer may know of, and saving them."""

from collections.abc import Sequence
from dataclasses import fields

from resolvers.access import decisions
from resolvers.access.permissions import Permission
from resolvers.clinics import clinic_files, principals
from resolvers.clinics.selectors import MAX_SELECTED
from resolvers.context import Context
from resolvers.kinds.checks import allowed_characters, max_length, not_blank, one_line, problems_in
from resolvers.kinds.personal_numbers import no_personal_number
from store.clinics.selectors import ClinicSelector
from store.errors import InvalidInput, Problem
from store.idempotency import IdempotencyKey
from store.paging import Page, Paging
from store.records import Clinic, ClinicGroup, ClinicRule, Saved

_NAME_CHECKS = (max_length(200), not_blank, one_line, allowed_characters, no_personal_number)


async def get(context: Context, group_id: str) -> ClinicGroup | None:
    """A group that the viewer may know of; else None."""
    group = await context.loaders.groups.load(group_id)
    return group if group is not None and context.rights.knows_groups(group.principal) else None


async def page(context: Context, principal: str, paging: Paging) -> Page[ClinicGroup]:
    """A page of a principal's groups, by name; empty if the viewer may not know of them."""
    if not context.rights.knows_groups(principal):
        return Page((), (), has_next=False, has_previous=False)
    return await context.store.groups.page(principal, paging)


async def count(context: Context, principal: str) -> int:
    """The number of groups of a principal; 0 if the viewer may not know of them."""
    return (
        await context.store.groups.count(principal) if context.rights.knows_groups(principal) else 0
    )


async def of_clinic(context: Context, clinic: Clinic) -> Sequence[ClinicGroup]:
    """The groups that a clinic is in now; none if the viewer may not know of them."""
    if not context.rights.knows_groups(clinic.principal):
        return ()
    return await context.loaders.groups_of_clinics.load(clinic) or ()


async def save(
    context: Context,
    principal: str,
    group_id: str | None,
    *,
    name: str,
    hsa_ids: Sequence[str] | None,
    csv: str | None,
    rule: ClinicRule | None,
    key: IdempotencyKey | None,
) -> Saved:
    """Create or change a group, by exactly one of HSA-ids, CSV and rule.

    Args:
        context: The caller's.
        principal: HSA-id of the principal that the clinics belong to.
        group_id: None for a new group.
        name: At most 200 characters, not blank, one line.
        hsa_ids: The clinics, 1 to 20,000.
        csv: Text of a CSV file with the clinics.
        rule: Of the group; at least one condition.
        key: Makes a retry safe.

    Returns:
        `target` is the group's id. No event where nothing changed.

    Raises:
        NotFound: There is no such principal or group.
        NotPermitted: The viewer may not group its clinics.
        InvalidInput: Not exactly one way; an empty rule; too many clinics, or none; a bad name.
        RowsRefused: Listed clinics cannot be used, or the text is not CSV.
    """
    found = principals.require(context, principal)
    held = decisions.require_at(context.rights, Permission.GROUP, found.key, None, ("principal",))
    problems = problems_in(name, _NAME_CHECKS, ("name",))
    if sum(way is not None for way in (hsa_ids, csv, rule)) != 1:
        problems.append(Problem("EXACTLY_ONE", "Ange exakt ett av hsaIds, csv och rule.", ()))
    if rule is not None and all(getattr(rule, field.name) is None for field in fields(rule)):
        problems.append(
            Problem(
                "EMPTY_RULE",
                "Ange minst ett villkor, annars hör alla mottagningar till gruppen.",
                ("rule",),
            )
        )
    if hsa_ids is not None and not 1 <= len(hsa_ids) <= MAX_SELECTED:
        problems.append(
            Problem("OUT_OF_RANGE", f"Ange 1 till {MAX_SELECTED} mottagningar.", ("hsaIds",))
        )
    if problems:
        raise InvalidInput(problems)
    members = None
    if csv is not None:
        members = ClinicSelector(rows=clinic_files.parse_ids(csv, ("csv",)), path=("csv",))
    elif hsa_ids is not None:
        members = ClinicSelector(rows=list(enumerate(hsa_ids, 1)), path=("hsaIds",), numbered=True)
    return await context.store.groups.save(
        found.key,
        group_id,
        name=name,
        members=members,
        rule=rule,
        act=context.act(held, None),
        key=key,
    )
