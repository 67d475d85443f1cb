"""One request to a server, signed with a token that goes nowhere else: what it answers, or why it does not."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from soak_action.errors import SurroundingsError, UsageError
from soak_action.github.answers import Answer

if TYPE_CHECKING:
    import requests

LARGEST_ANSWER = 64 * 1024 * 1024
# GitHub counts 900 points a minute at most: a reading request is one, any other is five, so 180 deletions. Requests do
# not arrive as evenly as they are sent, hence a little fewer.
SECONDS_PER_POINT = 60 / 850
_POINTS = {"GET": 1}
_POINTS_OF_A_CHANGE = 5
_CONNECT_SECONDS = 10.0
_SILENCE_SECONDS = 30.0
_WHOLE_ANSWER_SECONDS = 120.0
_TOKEN = re.compile(r"[!-~]+")

Parameters = Mapping[str, str | int]


class RestError(SurroundingsError):
    """A request that came to nothing; `status` is that of the last answer, or None when there was none."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class UnreachableError(Exception):
    """There is no answer; the message is a clause that says why. Asking again may help."""


class UnreadableError(Exception):
    """There is an answer, but none of this API; the message is a clause that says so."""


def _quiet(_: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Patience:
    """How a client passes the time: the clocks, and how many seconds it waits at most for one request.

    `now` returns seconds since the epoch, `tick` seconds that only advance; `tell` is given a sentence before a wait.
    """

    now: Callable[[], float] = time.time
    tick: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    tell: Callable[[str], None] = _quiet
    longest_seconds: float = 900.0


class Transport:
    """Sends requests to the server at `base_url`, none closer to the one before than GitHub's limits allow.

    Raises UsageError for a URL to which no token may be sent, or for a token that cannot be one.
    """

    def __init__(self, base_url: str, token: str, patience: Patience) -> None:
        self.base = _checked_base(base_url)
        if not _TOKEN.fullmatch(token):
            raise UsageError("the token for GitHub is empty, or holds characters that no token has")
        self._token = token
        self._patience = patience
        self._next_tick = 0.0
        self._open: requests.Session | None = None

    def is_own(self, url: str) -> bool:
        """Whether `url` is on the server that the token is for."""
        return _origin(url) == _origin(self.base)

    def hidden(self, text: str) -> str:
        """Return text without the token, should a server or a proxy have sent back what it got."""
        return text.replace(self._token, "***")

    def send(self, method: str, url: str, parameters: Parameters | None = None) -> Answer:
        """Return one answer, whatever it is; a redirect is not followed. Raises Unreachable- and UnreadableError."""
        import requests

        self._keep_pace(_POINTS.get(method, _POINTS_OF_A_CHANGE))
        try:
            with self._session().request(
                method,
                url,
                params=parameters,
                timeout=(_CONNECT_SECONDS, _SILENCE_SECONDS),
                allow_redirects=False,
                stream=True,
            ) as response:
                body = self._body(response)
                headers = {name.lower(): value for name, value in response.headers.items()}
        except (requests.RequestException, OSError, ValueError) as error:
            # Its text may hold the address of a proxy with a password in it.
            raise UnreachableError(_why(error)) from None
        return Answer(response.status_code, headers, _parsed(body, response.status_code))

    def _body(self, response: requests.Response) -> bytes:
        """Return the whole body; one that is endless in size or in time is no answer."""
        body, end = bytearray(), self._patience.tick() + _WHOLE_ANSWER_SECONDS
        for piece in response.iter_content(65_536):
            body += piece
            if len(body) > LARGEST_ANSWER:
                raise UnreachableError(f"the answer is larger than {LARGEST_ANSWER} bytes")
            if self._patience.tick() > end:
                raise UnreachableError(f"no whole answer within {_WHOLE_ANSWER_SECONDS:.0f} s")
        return bytes(body)

    def _keep_pace(self, points: int) -> None:
        """Wait until this request keeps to the points that a minute has; each one is followed by its own pause."""
        gap = self._next_tick - self._patience.tick()
        if gap > 0:
            self._patience.sleep(gap)
        self._next_tick = self._patience.tick() + points * SECONDS_PER_POINT

    def _session(self) -> requests.Session:
        if self._open is None:
            self._open = _session(self._token, with_proxies=not _is_loopback(urlsplit(self.base).hostname))
        return self._open


def _session(token: str, *, with_proxies: bool) -> requests.Session:
    import requests
    from requests.auth import AuthBase

    from soak_action import __version__

    class Bearer(AuthBase):
        """Signs requests; a signer of our own also keeps ~/.netrc from replacing the token by something else."""

        def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
            request.headers["Authorization"] = f"Bearer {token}"
            return request

    session = requests.Session()
    session.auth = Bearer()
    session.trust_env = with_proxies
    session.headers.update(
        {
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
            "User-Agent": f"soak-action/{__version__}",
        }
    )
    return session


def _checked_base(text: str) -> str:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    is_private = parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname))
    if not is_private or not parts.hostname or "@" in parts.netloc or parts.query or parts.fragment:
        raise UsageError(
            "the address of GitHub's API is none that a token may be sent to; write it as https://api.github.com or"
            " https://HOST/api/v3"
        )
    return text.rstrip("/")


def _is_loopback(host: str | None) -> bool:
    return host in {"127.0.0.1", "localhost", "::1"}


def _origin(url: str) -> tuple[str, str | None, int | None]:
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return "", None, None


def _parsed(body: bytes, status: int) -> Any:
    """Return what the JSON of a body says; a failed request may have any body, a successful one must be readable."""
    if not body.strip():
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        if status < 300:
            raise UnreadableError("the answer is no JSON; is this the address of GitHub's API?") from None
        return None


def _why(error: Exception) -> str:
    """Return in words of our own what kept a request from being answered."""
    import requests

    kinds: tuple[tuple[type[Exception], str], ...] = (
        (requests.exceptions.ProxyError, "the proxy does not let the request through"),
        (requests.exceptions.SSLError, "the certificate of the server is not trusted here, or it speaks no TLS"),
        (requests.exceptions.ConnectTimeout, f"nobody answers within {_CONNECT_SECONDS:.0f} s"),
        (requests.exceptions.Timeout, f"the server was silent for {_SILENCE_SECONDS:.0f} s"),
        (requests.exceptions.ChunkedEncodingError, "the answer broke off"),
        (requests.exceptions.ContentDecodingError, "the answer cannot be decoded"),
        (requests.exceptions.ConnectionError, "the server cannot be reached, or it hung up without an answer"),
        (requests.exceptions.RequestException, "the request cannot be sent"),
        (ValueError, "what came back leads nowhere"),
    )
    told = next((words for kind, words in kinds if isinstance(error, kind)), "the connection failed")
    return f"{told} ({type(error).__name__})"
