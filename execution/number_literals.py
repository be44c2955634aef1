"""Number literals in a document: held to the length that numbers in JSON are held to."""

import re

from graphql import DocumentNode, FloatValueNode, GraphQLError, IntValueNode, Visitor, visit

_MAX_CHARACTERS = 40
_MANY_DIGITS = re.compile(rf"[0-9]{{{_MAX_CHARACTERS // 2}}}")


def refuse_long_numbers(document: DocumentNode, text: str) -> None:
    """Look at the numbers, if there may be a long one.

    Raises:
        GraphQLError: A number has more than 40 characters. Python would refuse one of 4,300 digits
            in places where nobody expects it.
    """
    if _MANY_DIGITS.search(text) is not None:
        visit(document, _Numbers())


class _Numbers(Visitor):
    @staticmethod
    def enter_int_value(node: IntValueNode, *_: object) -> None:
        _refuse(node)

    @staticmethod
    def enter_float_value(node: FloatValueNode, *_: object) -> None:
        _refuse(node)


def _refuse(node: IntValueNode | FloatValueNode) -> None:
    if len(node.value) > _MAX_CHARACTERS:
        raise GraphQLError(f"A number may have at most {_MAX_CHARACTERS} characters.", node)
