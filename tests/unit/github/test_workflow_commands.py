from __future__ import annotations

import pytest

from soak_action.github.workflow_commands import (
    MOST_OF_A_LEVEL,
    Annotation,
    at_most,
    command,
    escape_data,
    escape_property,
)


def errors(count: int) -> list[Annotation]:
    return [Annotation("error", f"rule {number}", "broken") for number in range(count)]


@pytest.mark.parametrize(
    ("annotation", "line"),
    [
        (Annotation("error", "t", "m"), "::error title=t::m"),
        (Annotation("warning", "t", "m", "a/b.yaml", 3, 5), "::warning file=a/b.yaml,line=3,col=5,title=t::m"),
        (Annotation("notice", "t", "m", "a.yaml"), "::notice file=a.yaml,title=t::m"),
        (Annotation("error", "a: b, c", "50 %\r\n::error::x"), "::error title=a%3A b%2C c::50 %25%0D%0A::error::x"),
        (Annotation("error", "t", "m", None, 3, 5), "::error title=t::m"),
    ],
)
def test_an_annotation_is_one_line(annotation: Annotation, line: str) -> None:
    assert str(annotation) == line


def test_a_message_does_not_grow_without_bound() -> None:
    assert len(str(Annotation("error", "t", "x" * 1_000_000))) < 5_000


def test_a_command_without_properties_and_without_message() -> None:
    assert command("endgroup") == "::endgroup::"
    assert command("group", "a, b: c") == "::group::a, b: c"
    assert command("error", "m", {"file": None}) == "::error::m"


@pytest.mark.parametrize("text", ["a\nb", "a\rb", "a\r\n::error::b", "%0A::error::"])
def test_escaped_text_stays_on_its_line_and_means_what_it_said(text: str) -> None:
    for escape in (escape_data, escape_property):
        escaped = escape(text)
        assert "\n" not in escaped
        assert "\r" not in escaped
        # GitHub decodes the percent sign last.
        decoded = escaped.replace("%2C", ",").replace("%3A", ":").replace("%0A", "\n").replace("%0D", "\r")
        assert decoded.replace("%25", "%") == text


@pytest.mark.parametrize("count", [0, 1, MOST_OF_A_LEVEL])
def test_as_many_annotations_as_github_shows_are_shown(count: int) -> None:
    assert list(at_most(errors(count))) == errors(count)


def test_what_github_would_drop_is_counted_for_each_level() -> None:
    shown = list(at_most([*errors(25), Annotation("warning", "w", "soft")]))
    assert [one.level for one in shown] == ["error"] * MOST_OF_A_LEVEL + ["warning"]
    assert shown[:9] == errors(9)
    assert shown[9].message == "16 more of this kind are in the summary and in the log"
