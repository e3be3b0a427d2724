from __future__ import annotations

from gateway.config.interpolation import UNRESOLVED, Interpolated, interpolate

ENVIRONMENT = {"NAME": "world", "EMPTY": ""}


def test_variables_are_replaced_in_every_text() -> None:
    """Nested tables and lists are reached, other values are left alone."""
    tree, faults = interpolate({"a": ["hello ${NAME}", 3], "b": {"c": "${NAME}"}}, ENVIRONMENT)
    assert {"a": ["hello world", 3], "b": {"c": "world"}} == tree
    assert [] == faults


def test_a_default_stands_in_for_a_missing_or_empty_variable() -> None:
    """${NAME:-text} gives the text for both, and the variable otherwise."""
    tree, faults = interpolate(["${NO:-a:-b}", "${EMPTY:-c}", "${NAME:-d}", "${NO:-}"], ENVIRONMENT)
    assert ["a:-b", "c", "world", ""] == tree
    assert [] == faults


def test_two_dollars_are_a_plain_one() -> None:
    """$${NAME} is written as it is, and a single dollar needs no escape."""
    tree, _ = interpolate(["$${NAME}", "5 $ and $NAME"], ENVIRONMENT)
    assert ["${NAME}", "5 $ and $NAME"] == tree


def test_a_missing_variable_is_named_with_its_place() -> None:
    """The user reads where it stands, which variable it is, and both ways out."""
    tree, faults = interpolate({"backends": [{"token": "x${TOKEN}"}]}, ENVIRONMENT)
    assert [
        (
            "backends[0].token: expected the environment variable TOKEN, found nothing "
            "(set it, or write ${TOKEN:-default})"
        )
    ] == [str(fault) for fault in faults]
    assert tree["backends"][0]["token"] is UNRESOLVED


def test_broken_references_are_told() -> None:
    """An unclosed or misspelt reference is a fault and not silently text."""
    _, faults = interpolate({"a": "${NAME", "b": "${1x}"}, ENVIRONMENT)
    told = "expected ${NAME} or ${NAME:-default} (write $${ for a plain ${)"
    assert [f"a: {told}", f"b: {told}"] == [str(fault) for fault in faults]


def test_what_came_from_the_environment_is_marked() -> None:
    """The mark keeps its value out of error texts."""
    tree, _ = interpolate({"a": "${NAME}", "b": "plain"}, ENVIRONMENT)
    assert isinstance(tree["a"], Interpolated)
    assert "${NAME}" == tree["a"].source
    assert not isinstance(tree["b"], Interpolated)
