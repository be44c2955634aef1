"""The registered kinds of document.

A new kind needs a module in this package, with its content model, and an entry in `KINDS`.
"""

from resolvers.kinds.case_types import CASE_TYPE, CASE_TYPE_TEMPLATE
from resolvers.kinds.guidance import GUIDANCE
from resolvers.kinds.local_adaptations import LOCAL_ADAPTATION
from resolvers.kinds.notices import NOTICE
from resolvers.kinds.resident_cases import RESIDENT_CASE, RESIDENT_CASE_TEMPLATE
from resolvers.kinds.standard_reply_collections import STANDARD_REPLY_COLLECTION
from resolvers.kinds.terms_texts import TERMS_TEXT
from store.kinds.kinds import Kinds

KINDS = Kinds(
    [
        CASE_TYPE,
        CASE_TYPE_TEMPLATE,
        LOCAL_ADAPTATION,
        RESIDENT_CASE,
        RESIDENT_CASE_TEMPLATE,
        TERMS_TEXT,
        STANDARD_REPLY_COLLECTION,
        GUIDANCE,
        NOTICE,
    ]
)
