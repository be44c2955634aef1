"""Number literals in documents: the same length limit as for numbers in JSON."""

import re

from graphql import DocumentNode, FloatValueNode, GraphQLError, IntValueNode, Visitor, visit

_MAX_CHARACTERS = 40
_MANY_DIGITS = re.compile(rf"[0-9]{{{_MAX_CHARACTERS // 2}}}")


def refuse_long_numbers(document: DocumentNode, text: str) -> None:
    """Refuse documents with long number literals.

    Python refuses to convert integers of more than 4,300 digits, with an exception that no caller
    expects. Documents without 20 digits in a row are not searched.

    Raises:
        GraphQLError: A number has more than 40 characters.
    """
    if _MANY_DIGITS.search(text) is not None:
        visit(document, _NumberVisitor())


class _NumberVisitor(Visitor):
    @staticmethod
    def enter_int_value(node: IntValueNode, *_: object) -> None:
        _refuse(node)

    @staticmethod
    def enter_float_value(node: FloatValueNode, *_: object) -> None:
        _refuse(node)


def _refuse(node: IntValueNode | FloatValueNode) -> None:
    if len(node.value) > _MAX_CHARACTERS:
        raise GraphQLError(f"A number may have at most {_MAX_CHARACTERS} characters.", node)
