"""The actions that a log records."""

from schema.enums import describe_enum
from store.records import Action

describe_enum(
    Action,
    "The kind of event.",
    {
        "CREATED": "A document was created as a draft.",
        "EDITED": "A new draft version was written.",
        "PUBLISHED": "A version was published.",
        "ACTIVATED": "A document was shown to residents again.",
        "DEACTIVATED": "A document was hidden from residents.",
        "RESTORED": (
            "The content of an earlier version was written as a new version, or an archived"
            " document was restored."
        ),
        "TEMPLATE_ADOPTED": (
            "A newer version of its template was merged into a document, as a new draft version."
        ),
        "ARCHIVED": "A document was archived.",
        "DISTRIBUTED": "A case type was distributed to clinics.",
        "WITHDRAWN": "A case type was withdrawn from clinics.",
        "FOLLOWED": "A clinic followed a central case type.",
        "UNFOLLOWED": "A clinic unfollowed a central case type.",
        "REORDERED": "The order of case types was changed.",
        "REPLACED": "A local case type was replaced by a central one.",
        "ADAPTED": "A clinic saved its own replies or terms.",
        "ACKNOWLEDGED": "A clinic acknowledged notifications.",
        "IMPORTED": "Clinics were imported.",
        "GROUPED": "A clinic group was created or changed.",
        "POLICIES_CHANGED": "A principal changed the policies for its clinics.",
        "ROLE_GRANTED": "A role was granted to a person in the registry's own table.",
        "ROLE_REVOKED": "A role was revoked in the registry's own table.",
        "PERSON_PROTECTED": "A person's name was erased, and is no longer stored.",
        "SUBSCRIPTION_ENDED": "An administrator ended a subscription.",
        "EXPORTED": "Rows were exported to a file.",
        "PERSON_UNPROTECTED": "A person's name may be stored again.",
    },
)

__all__ = ["Action"]
