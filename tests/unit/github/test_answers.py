"""Answers of GitHub's API: when to come again, and what to tell people."""

from __future__ import annotations

import pytest

from soak_action.github.answers import Answer, complaint, is_limited, pause_of, pause_to_spare, permissions

NOW = 1_780_000_000.0
DATE = "Thu, 28 May 2026 20:26:40 GMT"  # the same as NOW


def said(status: int, message: object = None, **headers: str) -> Answer:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, names, None if message is None else {"message": message})


@pytest.mark.parametrize(
    ("answer", "attempt", "seconds"),
    [
        (said(500), 0, 1),
        (said(502), 3, 8),
        (said(503, retry_after="7"), 3, 7),
        (said(429), 0, 60),
        (said(429), 2, 240),
        (said(429, retry_after="90"), 2, 90),
        (said(403, retry_after="30"), 0, 30),
        (said(403, retry_after="0"), 0, 1),
        (said(403, retry_after="-5"), 0, 1),
        (said(403, retry_after="Thu, 28 May 2026 20:27:40 GMT"), 0, 60),
        (said(403, retry_after="Thu, 28 May 2026 20:25:40 GMT"), 0, 1),
        (said(403, "You have exceeded a secondary rate limit"), 1, 120),
        (said(403, "You have triggered an abuse detection mechanism"), 0, 60),
        (said(403, x_ratelimit_remaining="0", x_ratelimit_reset=f"{NOW + 99:.0f}"), 0, 100),
        (said(429, x_ratelimit_remaining="0", x_ratelimit_reset=f"{NOW - 99:.0f}"), 0, 1),
        (said(403, x_ratelimit_remaining="0"), 0, 60),
        (said(429, retry_after="nan", x_ratelimit_remaining="?"), 0, 60),
        (said(429, retry_after="soon"), 0, 60),
    ],
)
def test_what_passes_is_waited_for(answer: Answer, attempt: int, seconds: float) -> None:
    pause = pause_of(answer, attempt, NOW)
    assert pause is not None
    assert pause.seconds == seconds
    assert pause.reason


@pytest.mark.parametrize(
    "answer",
    [
        said(400),
        said(401, retry_after="5"),
        said(403, "Resource not accessible by integration"),
        said(403, "Resource not accessible by integration", x_ratelimit_remaining="42"),
        said(404),
        said(409),
        said(410),
        said(422, "Validation Failed"),
        said(501),
    ],
)
def test_what_does_not_pass_is_not_asked_for_again(answer: Answer) -> None:
    assert pause_of(answer, 0, NOW) is None
    assert not is_limited(answer)


@pytest.mark.parametrize(
    ("limit", "left", "reset", "seconds"),
    [
        ("1000", "99", 50, 51),
        ("1000", "0", 50, 51),
        ("1000", "100", 50, None),
        ("15000", "1499", 50, 51),
        ("1000", "99", 0, None),
        ("1000", "99", -50, None),
        ("x", "99", 50, None),
        ("1000", "", 50, None),
    ],
)
def test_the_last_requests_of_an_hour_are_left_to_others(
    limit: str, left: str, reset: int, seconds: float | None
) -> None:
    headers = {"x_ratelimit_limit": limit, "x_ratelimit_remaining": left, "x_ratelimit_reset": f"{NOW + reset:.0f}"}
    pause = pause_to_spare(said(200, **headers), NOW)
    assert (None if pause is None else pause.seconds) == seconds


def test_the_clock_of_the_server_is_believed_before_our_own() -> None:
    headers = {"x_ratelimit_remaining": "0", "x_ratelimit_reset": f"{NOW + 99:.0f}", "date": DATE}
    pause = pause_of(said(403, **headers), 0, NOW - 86_400)
    assert pause is not None
    assert pause.seconds == 100


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            said(403, "Resource not accessible by integration", x_accepted_github_permissions="actions=write"),
            "403, the token lacks the permission 'actions: write'; grant it: Resource not accessible by integration",
        ),
        (said(403, "No"), "403, the token lacks a permission: No"),
        (said(403, "API rate limit exceeded"), "403, the rate limit: API rate limit exceeded"),
        (said(401, "Bad credentials"), "401, the token is not accepted"),
        (said(404, x_accepted_github_permissions="contents=read"), "the token lacks the permission 'contents: read'"),
        (said(404), "404, it does not exist, or the token lacks the permission to see it"),
        (said(422, "Validation\n Failed"), "422: Validation Failed"),
        (said(422, "\x1b[31mred\ud800"), "422: ?[31mred?"),
        (said(418), "418"),
        (said(418, 5), "418"),
        (Answer(418, {}, ["message"]), "418"),
    ],
)
def test_a_complaint_says_what_is_missing(answer: Answer, words: str) -> None:
    assert words in complaint(answer)


def test_a_long_message_is_cut() -> None:
    assert len(complaint(said(500, "x" * 10_000))) < 400


@pytest.mark.parametrize(
    ("header", "written"),
    [
        ("actions=write", "'actions: write'"),
        (
            "pull_requests=read,contents=write; issues=read",
            "'pull-requests: read' and 'contents: write' or 'issues: read'",
        ),
        ("", ""),
        ("nonsense", ""),
    ],
)
def test_permissions_are_written_as_in_a_workflow(header: str, written: str) -> None:
    assert permissions(said(403, x_accepted_github_permissions=header)) == written
