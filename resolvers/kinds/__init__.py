"""The kinds of document that the registry keeps. A new kind is one module here, with its content model, and one entry in `KINDS`."""

from resolvers.kinds.adaptations import LOCAL_ADAPTATION
from resolvers.kinds.case_types import CASE_TYPE, CASE_TYPE_TEMPLATE
from store.kinds import Kinds

KINDS = Kinds([CASE_TYPE, CASE_TYPE_TEMPLATE, LOCAL_ADAPTATION])

__all__ = ["CASE_TYPE", "CASE_TYPE_TEMPLATE", "KINDS", "LOCAL_ADAPTATION"]
