"""Rows of text in columns."""

from __future__ import annotations

from soak_action.commands.columns import aligned


def test_columns_line_up_and_no_line_ends_in_blanks() -> None:
    assert list(aligned([("a", "bbb", ""), ("aaa", "", "c")])) == ["a    bbb", "aaa       c"]


def test_a_very_wide_cell_pushes_the_rest_of_its_own_line_only() -> None:
    wide = "x" * 50
    assert list(aligned([("a", "b"), (wide, "c")])) == [f"a{' ' * 41}b", f"{wide}  c"]


def test_nothing_is_no_line() -> None:
    assert list(aligned([])) == []
