"""A client of GitHub's REST API that is slow enough for its limits and never lets go of its token.

It knows nothing of soaks. One request is on its way at a time. The token goes to the one server that it was made for,
and no message, exception or representation holds it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

from soak_action.github.answers import Answer, Pause, complaint, pause_of, pause_to_spare
from soak_action.github.transport import Parameters, Patience, RestError, Transport, UnreachableError, UnreadableError

PUBLIC_SERVER = "https://api.github.com"
PER_PAGE = 100
_MOST_ATTEMPTS = 5
_MOST_REDIRECTS = 3
_MOST_PAGES = 10_000


class RestClient:
    """Requests to the server at `base_url`, which on GitHub Enterprise Server ends in /api/v3.

    Raises UsageError for a URL to which no token may be sent, or for a token that cannot be one.
    """

    def __init__(self, base_url: str, token: str, patience: Patience | None = None) -> None:
        self._patience = patience or Patience()
        self._transport = Transport(base_url, token, self._patience)
        self._last = Answer(200, {})

    def get(self, path: str, parameters: Parameters | None = None) -> Any:
        """Return the document at `path`. Raises RestError."""
        return self._ask("GET", self._transport.base + path, parameters).document

    def delete(self, path: str) -> bool:
        """Delete what stands at `path`, and return whether it was still there.

        Raises RestError, also for a deletion that would take the requests which others need in this hour.
        """
        spared = pause_to_spare(self._last, self._patience.now())
        if spared is not None:
            self._wait(spared, RestError(f"DELETE {path}: {spared.reason}", self._last.status), 0.0)
        return self._ask("DELETE", self._transport.base + path, accepted=(404,)).status != 404

    def rows(self, path: str, key: str | None = None, parameters: Parameters | None = None) -> Iterator[dict[str, Any]]:
        """Yield the rows of a list that comes in pages, in the list itself or below `key`. Raises RestError.

        The next page is where the server says. One that says nothing, but counts more rows than it gave, is asked for
        the page with the next number. Nothing may be deleted before the last row came: pages would move.
        """
        asked = {**(parameters or {}), "per_page": PER_PAGE}
        url, query = self._transport.base + path, asked
        found, seen = 0, set[str]()
        for page in range(1, _MOST_PAGES + 1):
            answer = self._ask("GET", url, query)
            rows = _rows(answer, key, path)
            yield from rows
            found += len(rows)
            following = _next_page(answer)
            if following is not None and following in seen:
                raise RestError(f"GET {path}: the pages of the list lead back to one that was read already")
            if following is not None:
                seen.add(following)
                url, query = _joined(url, following), {}
            elif rows and _counted(answer) > found:
                url, query = self._transport.base + path, {**asked, "page": page + 1}
            else:
                return
        raise RestError(f"GET {path}: the list has no end after {_MOST_PAGES} pages")

    def _ask(
        self, method: str, url: str, parameters: Parameters | None = None, accepted: tuple[int, ...] = ()
    ) -> Answer:
        """Return an answer that is a success or one of the `accepted`, after as many attempts as it takes."""
        what, waited = f"{method} {urlsplit(url).path}", 0.0
        for attempt in range(_MOST_ATTEMPTS):
            try:
                answer = self._follow(method, url, parameters, what)
            except UnreadableError as error:
                raise RestError(f"{what}: {error}") from None
            except UnreachableError as error:
                # Worth as many attempts as a server that is down, which answers 503.
                answer, failure = Answer(503, {}), RestError(f"{what}: {error}")
            else:
                if 200 <= answer.status < 300 or answer.status in accepted:
                    return answer
                told = self._transport.hidden(complaint(answer))
                failure = RestError(f"{what}: the answer is {told}", answer.status)
            wait = pause_of(answer, attempt, self._patience.now())
            if wait is None or attempt == _MOST_ATTEMPTS - 1:
                raise failure
            self._wait(Pause(wait.seconds, f"{what}: {wait.reason}"), failure, waited)
            waited += wait.seconds
        raise AssertionError("unreachable")  # pragma: no cover - the last attempt returns or raises

    def _wait(self, pause: Pause, failure: RestError, waited: float) -> None:
        """Tell of a pause and sleep through it; raise `failure` when with what was `waited` before it is too long."""
        if waited + pause.seconds > self._patience.longest_seconds:
            raise RestError(f"{failure}; ask again in {pause.seconds:.0f} s", failure.status)
        self._patience.tell(f"{pause.reason}; waiting {pause.seconds:.0f} s")
        self._patience.sleep(pause.seconds)

    def _follow(self, method: str, url: str, parameters: Parameters | None, what: str) -> Answer:
        """Return an answer that is no redirect; one is followed with the same method, and only on the same server."""
        for _ in range(_MOST_REDIRECTS + 1):
            if not self._transport.is_own(url):
                raise RestError(f"{what}: the answer leads to another server, which must not get the token")
            answer = self._last = self._transport.send(method, url, parameters)
            if answer.status not in {301, 302, 307, 308}:
                return answer
            url, parameters = _joined(url, answer.headers.get("location", "")), None
        raise RestError(f"{what}: the answer leads from one place to the next without an end")


def _joined(url: str, reference: str) -> str:
    """Return where a reference in an answer leads; an empty text, which is on no server, for one that is no URL."""
    try:
        return urljoin(url, reference)
    except ValueError:
        return ""


def _rows(answer: Answer, key: str | None, path: str) -> list[dict[str, Any]]:
    rows = answer.document
    if key is not None:
        rows = rows.get(key) if isinstance(rows, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise RestError(f"GET {path}: the answer holds no list{f' {key}' if key else ''}; is this GitHub's API?")
    return rows


def _counted(answer: Answer) -> int:
    total = answer.document.get("total_count") if isinstance(answer.document, dict) else None
    return total if isinstance(total, int) else 0


def _next_page(answer: Answer) -> str | None:
    from requests.utils import parse_header_links

    links = parse_header_links(answer.headers.get("link", ""))
    return next((link["url"] for link in links if link.get("rel") == "next" and link.get("url")), None)
