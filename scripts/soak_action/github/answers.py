"""What an answer of GitHub's REST API means: come again after a while, or give up for a reason that people can act on.

Nothing here asks a clock or a server, so that every answer can be laid out in a table of tests.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

_FIRST_BACKOFF_SECONDS = 1.0
_FIRST_LIMITED_SECONDS = 60.0  # what GitHub asks for when it names no time
_LIMITED = re.compile(r"rate limit|abuse detection", re.IGNORECASE)
_PASSING = (408, 500, 502, 503, 504)
_MOST_OF_A_MESSAGE = 300
_PERMISSION = re.compile(r"([a-z_]+)=(read|write|admin)")


@dataclass(frozen=True)
class Answer:
    """An answer of the API: the names of the headers are in lower case, `document` is what its JSON says or None."""

    status: int
    headers: Mapping[str, str]
    document: Any = None

    @property
    def message(self) -> str:
        """What the API says of its refusal on one line; empty when it says nothing."""
        said = self.document.get("message") if isinstance(self.document, dict) else None
        if not isinstance(said, str):
            return ""
        line = " ".join(said.split())[:_MOST_OF_A_MESSAGE]
        return "".join(character if character.isprintable() else "?" for character in line)


@dataclass(frozen=True)
class Pause:
    """How many seconds to wait before the same request is sent once more, and why."""

    seconds: float
    reason: str


def pause_of(answer: Answer, attempt: int, now: float) -> Pause | None:
    """Return how long to wait after the failed attempt number `attempt`, from 0; None when asking again is no use.

    `now` is the time in seconds since the epoch; the server's own clock is preferred where the answer tells it.
    """
    asked = _retry_after(answer, now)
    if answer.status in _PASSING:
        seconds = _FIRST_BACKOFF_SECONDS * 2**attempt if asked is None else asked
        return Pause(seconds, f"the server answers {answer.status}")
    if not is_limited(answer):
        return None
    if asked is not None:
        return Pause(asked, "the rate limit is reached, and the server names the time to wait")
    reset = _number(answer.headers.get("x-ratelimit-reset"))
    if _remaining(answer) == 0 and reset is not None:
        return Pause(max(1.0, reset - _server_time(answer, now) + 1), "the requests of this hour are used up")
    return Pause(_FIRST_LIMITED_SECONDS * 2**attempt, "the secondary rate limit is reached")


def pause_to_spare(answer: Answer, now: float) -> Pause | None:
    """Return how long to leave alone what is left of the hour's requests after `answer`; None while there are enough.

    All jobs of a repository share them. A tenth is for those that only read a little.
    """
    limit, left = _number(answer.headers.get("x-ratelimit-limit")), _remaining(answer)
    reset = _number(answer.headers.get("x-ratelimit-reset"))
    if limit is None or left is None or reset is None or left >= limit / 10 or reset <= now:
        return None
    return Pause(reset - now + 1, f"{left:.0f} requests of this hour are left, which other jobs need too")


def is_limited(answer: Answer) -> bool:
    """Whether the answer refuses the request only because there were too many; 403 and 429 are both used for that."""
    if answer.status == 429:
        return True
    says_when = "retry-after" in answer.headers or _remaining(answer) == 0
    return answer.status == 403 and (says_when or bool(_LIMITED.search(answer.message)))


def complaint(answer: Answer) -> str:
    """Return why an answer is no use, as the end of a sentence that names the request, and what to do about it."""
    said = f": {answer.message}" if answer.message else ""
    if answer.status == 401:
        return f"401, the token is not accepted (wrong, expired or for another server){said}"
    if answer.status == 403 and is_limited(answer):
        return f"403, the rate limit{said}"
    if answer.status == 403:
        needed = permissions(answer)
        lacking = f"the token lacks the permission {needed}; grant it" if needed else "the token lacks a permission"
        return f"403, {lacking}{said}"
    if answer.status == 404:
        needed = permissions(answer)
        granted = f" the permission {needed}" if needed else " the permission to see it"
        return f"404, it does not exist, or the token lacks{granted}{said}"
    return f"{answer.status}{said}"


def permissions(answer: Answer) -> str:
    """Return the permissions that the API would accept, as a workflow writes them; empty when it does not tell."""
    alternatives = answer.headers.get("x-accepted-github-permissions", "").split(";")
    written = [
        " and ".join(f"'{name.replace('_', '-')}: {level}'" for name, level in _PERMISSION.findall(alternative))
        for alternative in alternatives
    ]
    return " or ".join(filter(None, written))


def _remaining(answer: Answer) -> float | None:
    return _number(answer.headers.get("x-ratelimit-remaining"))


def _retry_after(answer: Answer, now: float) -> float | None:
    """Return the seconds that the header asks for, which holds a number or a date; None without a usable one."""
    text = answer.headers.get("retry-after", "")
    seconds = _number(text)
    if seconds is not None:
        return max(1.0, seconds)
    date = _date(text)
    return None if date is None else max(1.0, date - _server_time(answer, now))


def _server_time(answer: Answer, now: float) -> float:
    date = _date(answer.headers.get("date", ""))
    return now if date is None else date


def _date(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None
