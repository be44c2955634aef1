"""Standing distributions: distributions to a group by rule, which also cover later members.

`store.clinics.assigning.assign_to_new_members` uses these rows.
"""

from bson import ObjectId
from pymongo import InsertOne

from store.clinics.assigning import AssignmentOptions
from store.clinics.selectors import ResolvedClinics
from store.clinics.validity import open_row
from store.documents.publishing import next_position
from store.mongo.transactions import Transaction
from store.records import Document


async def open_standing(
    transaction: Transaction,
    head: Document,
    resolved: ResolvedClinics,
    options: AssignmentOptions,
) -> bool:
    """Stage a standing distribution to a group with a rule.

    Returns:
        Whether a row was staged; not where there is one already, or the clinics are no such group.
    """
    group = resolved.rule_group
    if group is None or await transaction.find(
        "standing", {"document": head.id, "group": group.id, "open": True}
    ):
        return False
    row = {
        "_id": f"sd_{ObjectId()}",
        "principal": head.principal,
        "document": head.id,
        "group": group.id,
        "start_page_order": options.start_page_order,
        "contact_card_order": options.contact_card_order,
    }
    transaction.write("standing", InsertOne(row | open_row(next_position(transaction))))
    return True
