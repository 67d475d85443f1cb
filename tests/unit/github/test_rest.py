"""The REST client against a stand-in of the API that keeps state: pages, limits, refusals, the token."""

from __future__ import annotations

import traceback
from collections.abc import Iterator

import pytest
from tests.github_api.server import OWNER, REPOSITORY, TOKEN, GitHub, Reply, Request, refusal, serving
from tests.unit.workload.serving import unused

from soak_action.errors import ExitCode, UsageError
from soak_action.github import rest
from soak_action.github.rest import RestClient
from soak_action.github.transport import Patience, RestError

BASE = f"/repos/{OWNER}/{REPOSITORY}"
ARTIFACTS = f"{BASE}/actions/artifacts"


@pytest.fixture
def github() -> Iterator[GitHub]:
    with serving(GitHub()) as served:
        yield served
    assert served.mistakes == []


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def client(github: GitHub, told: list[str]) -> RestClient:
    return client_of(github, told)


def client_of(github: GitHub, told: list[str], *, token: str = TOKEN, longest: float = 900.0) -> RestClient:
    time = github.time
    return RestClient(
        github.address + github.prefix, token, Patience(time.now, time.now, time.sleep, told.append, longest)
    )


def fill(github: GitHub, count: int) -> None:
    github.add_run(1)
    for number in range(1, count + 1):
        github.add_artifact(number, f"soak-{number}", 1, days_old=number)


def failing(*replies: Reply):
    """Return a fault that answers with each of the replies once, then no more."""
    left = list(replies)
    return lambda _: left.pop(0) if left else None


def refused(client: RestClient, path: str = BASE) -> RestError:
    """Return the error that a GET raises; neither it nor its traceback may hold the token."""
    with pytest.raises(RestError) as caught:
        client.get(path)
    assert caught.value.exit_code == ExitCode.SURROUNDINGS
    assert TOKEN not in "".join(traceback.format_exception(caught.value))
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_document_is_read(github: GitHub, client: RestClient) -> None:
    assert client.get(BASE)["default_branch"] == "main"


def test_the_base_of_an_enterprise_server_stands_before_every_path(github: GitHub) -> None:
    github.prefix = "/api/v3"
    fill(github, 150)
    client = client_of(github, [])
    assert len(list(client.rows(ARTIFACTS, "artifacts"))) == 150
    assert client.delete(f"{ARTIFACTS}/3")
    assert {request.path.split("/repos")[0] for request in github.requests} == {"/api/v3"}


@pytest.mark.parametrize("with_links", [True, False], ids=["links", "no links"])
@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 250])
def test_all_pages_are_read_whether_the_server_links_them_or_not(
    github: GitHub, client: RestClient, count: int, with_links: bool
) -> None:
    github.with_links = with_links
    fill(github, count)
    assert [row["id"] for row in client.rows(ARTIFACTS, "artifacts")] == list(range(1, count + 1))
    assert len(github.requests) == max(1, -(-count // 100))


def test_a_list_without_a_key_is_read_by_its_links(github: GitHub, client: RestClient) -> None:
    github.releases = [f"v{number}" for number in range(130)]
    assert len(list(client.rows(f"{BASE}/releases"))) == 130


def test_rows_that_go_away_meanwhile_end_the_pages_that_are_counted(github: GitHub, client: RestClient) -> None:
    github.with_links = False
    fill(github, 150)
    rows = client.rows(ARTIFACTS, "artifacts")
    next(rows)
    github.artifacts = github.artifacts[:40]
    assert len(list(rows)) == 99


def test_pages_in_a_circle_are_refused(github: GitHub, client: RestClient) -> None:
    fill(github, 1)
    again = Reply(200, {"artifacts": []}, {"Link": f'<{github.address}{ARTIFACTS}?page=2>; rel="next"'})
    github.faults.append(lambda _: again)
    with pytest.raises(RestError, match="lead back"):
        list(client.rows(ARTIFACTS, "artifacts"))


@pytest.mark.parametrize("document", [[], {"artifacts": 5}, {"artifacts": [5]}, {}, "x", None, {"artifacts": None}])
def test_an_answer_that_is_no_list_is_refused(github: GitHub, client: RestClient, document: object) -> None:
    github.faults.append(lambda _: Reply(200, document))
    with pytest.raises(RestError, match="no list artifacts"):
        list(client.rows(ARTIFACTS, "artifacts"))


def test_deleting_says_whether_there_was_anything(github: GitHub, client: RestClient) -> None:
    fill(github, 2)
    assert client.delete(f"{ARTIFACTS}/1") is True
    assert client.delete(f"{ARTIFACTS}/1") is False
    assert list(github.sizes) == [2]


def test_at_most_180_deletions_a_minute_and_900_points_are_asked_for(github: GitHub, client: RestClient) -> None:
    fill(github, 450)
    numbers = [row["id"] for row in client.rows(ARTIFACTS, "artifacts")]
    for number in numbers:
        client.delete(f"{ARTIFACTS}/{number}")
    times = github.deletion_times
    assert len(times) == 450
    for place, begun in enumerate(times):
        assert sum(begun <= when < begun + 60 for when in times[place : place + 200]) <= 180
    # The stand-in counts points itself, and would have refused.
    assert max(github.time.slept) < 1


def test_a_secondary_limit_is_waited_for(github: GitHub, client: RestClient, told: list[str]) -> None:
    github.faults.append(failing(refusal(403, "You have exceeded a secondary rate limit", retry_after="120")))
    assert client.get(BASE)["default_branch"] == "main"
    assert 120 in github.time.slept
    assert told == [f"GET {BASE}: the rate limit is reached, and the server names the time to wait; waiting 120 s"]


def test_the_primary_limit_is_waited_for_until_its_reset(github: GitHub, told: list[str]) -> None:
    github.hourly = 2
    client = client_of(github, told, longest=4000)
    for _ in range(3):
        client.get(BASE)
    assert max(github.time.slept) == pytest.approx(3600, abs=5)


def test_a_wait_that_is_too_long_is_told_instead(github: GitHub, client: RestClient) -> None:
    github.hourly = 0
    error = refused(client)
    assert error.status == 403
    assert "403, the rate limit: API rate limit exceeded; ask again in 3601 s" in str(error)
    assert github.time.slept == []


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_that_is_down_for_a_moment_is_asked_again(github: GitHub, client: RestClient, status: int) -> None:
    github.faults.append(failing(*[refusal(status, "Down")] * 4))
    assert client.get(BASE)["default_branch"] == "main"
    assert [round(seconds) for seconds in github.time.slept if seconds >= 1] == [1, 2, 4, 8]


def test_a_server_that_stays_down_is_told(github: GitHub, client: RestClient) -> None:
    github.faults.append(lambda _: refusal(503, "Down"))
    error = refused(client)
    assert (error.status, str(error)) == (503, f"GET {BASE}: the answer is 503: Down")
    assert len(github.requests) == 5


def test_a_refusal_names_the_missing_permission_and_is_not_repeated(github: GitHub, client: RestClient) -> None:
    fill(github, 1)
    github.may_delete = False
    with pytest.raises(RestError, match="lacks the permission 'actions: write'"):
        client.delete(f"{ARTIFACTS}/1")
    assert len(github.requests) == 1


def test_a_wrong_token_is_told_without_the_token(github: GitHub) -> None:
    error = refused(client_of(github, [], token="ghs_another"))
    assert error.status == 401
    assert "ghs_another" not in str(error)


def test_a_server_that_echoes_the_token_does_not_bring_it_into_the_message(github: GitHub, client: RestClient) -> None:
    github.faults.append(lambda _: refusal(422, f"what is Bearer {TOKEN}?"))
    assert "what is Bearer ***?" in str(refused(client))


def test_a_moved_repository_is_followed_on_the_same_server(github: GitHub, client: RestClient) -> None:
    github.add_run(1)
    github.add_artifact(5, "soak-x", 1, 1)
    moved = f"{github.address}{ARTIFACTS}/5"
    github.faults.append(lambda request: refusal(307, "Moved", Location=moved) if "old" in request.path else None)
    assert client.delete("/repos/somebody/old/actions/artifacts/5")
    assert [request.method for request in github.requests] == ["DELETE", "DELETE"]
    assert github.deleted == [5]


def test_the_token_goes_to_no_other_server(github: GitHub, client: RestClient) -> None:
    with serving(GitHub()) as other:
        github.faults.append(lambda _: refusal(302, "Moved", Location=f"{other.address}{BASE}"))
        assert "another server" in str(refused(client))
        github.faults = [lambda _: Reply(200, {"artifacts": []}, {"Link": f'<{other.address}/x>; rel="next"'})]
        with pytest.raises(RestError, match="another server"):
            list(client.rows(ARTIFACTS, "artifacts"))
        assert other.requests == []


def test_redirects_without_an_end_are_refused(github: GitHub, client: RestClient) -> None:
    github.faults.append(lambda request: refusal(301, "Moved", Location=f"{request.path}x"))
    assert "without an end" in str(refused(client))
    assert len(github.requests) == 4


@pytest.mark.parametrize("raw", [b"<html>", b"{", b"\xff", b"[" * 100_000])
def test_a_page_that_is_no_api_is_told_at_once(github: GitHub, client: RestClient, raw: bytes) -> None:
    github.faults.append(lambda _: Reply(200, raw=raw))
    assert "is no JSON" in str(refused(client))
    assert len(github.requests) == 1


def test_a_refusal_may_hold_anything(github: GitHub, client: RestClient) -> None:
    github.faults.append(lambda _: Reply(404, raw=b"<html>nothing here"))
    assert refused(client).status == 404


def test_nothing_of_a_client_shows_the_token(github: GitHub, client: RestClient) -> None:
    client.get(BASE)
    assert TOKEN not in repr(client) + repr(vars(client)) + str(client)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "api.github.com",
        "http://api.github.com",
        "ftp://api.github.com",
        "https://",
        "https://user:password@api.github.com",
        "https://api.github.com?x=1",
        "https://api.github.com:port",
        "http://127.0.0.1.example.com",
        "http://[::1",
    ],
)
def test_an_address_that_must_not_get_a_token_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="https://HOST/api/v3"):
        RestClient(address, TOKEN)


@pytest.mark.parametrize("token", ["", " ", "a b", "a\nb", f"{TOKEN}\n", "t\u00f6ken", "\x7f"])
def test_a_token_that_cannot_be_one_is_refused_without_showing_it(token: str) -> None:
    with pytest.raises(UsageError) as caught:
        RestClient("https://api.github.com/", token)
    assert str(caught.value) == "the token for GitHub is empty, or holds characters that no token has"


def test_requests_are_seen_as_they_are(github: GitHub, client: RestClient) -> None:
    """The stand-in itself: a request that GitHub does not describe is a mistake."""
    for path in ("/user", f"{BASE}/actions/artifacts/x", f"{BASE}/actions/runs?status=passed&page=x&other=1"):
        with pytest.raises(RestError):
            client.get(path)
    assert [mistake.split(":")[0] for mistake in github.mistakes] == [
        "GET /user is not described",
        f"GET {BASE}/actions/artifacts/x is not described",
        *["GET /repos/{owner}/{repo}/actions/runs"] * 3,
    ]
    github.mistakes.clear()
    github.runs[1] = {"id": "one"}
    github.runs[1] |= {"status": "completed", "conclusion": None, "workflow_id": 7}
    with pytest.raises(RestError):
        client.delete(f"{ARTIFACTS}/x")
    client.get(f"{BASE}/actions/runs/1")
    assert any("answer of GET" in mistake for mistake in github.mistakes)
    github.mistakes.clear()


def test_a_before_hook_sees_each_request(github: GitHub, client: RestClient) -> None:
    seen: list[Request] = []
    github.before = seen.append
    client.get(BASE)
    assert [request.path for request in seen] == [BASE]


def test_a_list_that_never_ends_is_given_up(github: GitHub, client: RestClient, monkeypatch) -> None:
    monkeypatch.setattr(rest, "_MOST_PAGES", 2)
    fill(github, 300)
    with pytest.raises(RestError, match="no end after 2 pages"):
        list(client.rows(ARTIFACTS, "artifacts"))


def test_a_server_that_is_gone_is_asked_again_before_it_is_told(github: GitHub) -> None:
    client = RestClient(f"http://{unused()}", TOKEN, Patience(github.time.now, github.time.now, github.time.sleep))
    assert "cannot be reached" in str(refused(client))
    assert [round(seconds) for seconds in github.time.slept if seconds >= 1] == [1, 2, 4, 8]


def test_a_redirect_to_nonsense_is_refused(github: GitHub, client: RestClient) -> None:
    github.faults.append(lambda _: refusal(302, "Moved", Location="http://[::1"))
    assert "leads nowhere" in str(refused(client))
    next_page = {"Link": '<http://[::1>; rel="next"'}
    github.faults = [lambda _: Reply(200, {"artifacts": []}, next_page)]
    with pytest.raises(RestError, match="another server"):
        list(client.rows(ARTIFACTS, "artifacts"))
