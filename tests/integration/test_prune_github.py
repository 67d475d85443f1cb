"""soak prune --github as a process of its own, against a stand-in of GitHub's API on loopback."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.conftest import Done, clean_environment
from tests.github_api.server import OWNER, REPOSITORY, TOKEN, GitHub, RealTime, Reply, refusal, serving
from tests.unit.workload.serving import unused

from soak_action import resources
from soak_action.evidence.documents import schema_check

Prune = Callable[..., Done]


@pytest.fixture
def github() -> Iterator[GitHub]:
    with serving(GitHub(RealTime())) as served:
        for age in range(6):
            served.add_run(100 - age)
            served.add_artifact(100 - age, f"soak-2026010{age}T000000Z-nightly-ab12cd", 100 - age, age)
        served.add_artifact(1, "coverage", 95, 9)
        yield served
    assert served.mistakes == []


@pytest.fixture
def prune(soak: Callable[..., Done], github: GitHub) -> Prune:
    """Call soak prune --github; whatever comes of it, the token is not in what it prints."""

    def call(*words: str, **more: str) -> Done:
        environment = {
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_REPOSITORY": f"{OWNER}/{REPOSITORY}",
            "GITHUB_API_URL": github.address + github.prefix,
            **more,
        }
        done = soak("prune", "--github", "--set", "retention.keep_last=3", *words, env=environment)
        assert TOKEN not in done.out + done.err
        return done

    return call


def test_a_dry_run_prints_the_plan_and_deletes_nothing(prune: Prune, github: GitHub) -> None:
    done = prune("--dry-run")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0] == f"artifacts of {OWNER}/{REPOSITORY}: 6 items, 5.9 KiB of 953.7 MiB allowed"
    assert lines[1].startswith("  note      1 artifact of another name")
    assert [line.split()[0] for line in lines[2:8]] == ["delete"] * 3 + ["keep"] * 3
    assert lines[-1] == "  kept 3, compressed 0, deleted 3, protected 1, freed 2.9 KiB"
    assert {request.method for request in github.requests} == {"GET"}


def test_trap_56_the_real_run_prints_the_plan_of_the_dry_run_and_does_it(prune: Prune, github: GitHub) -> None:
    planned = prune("--dry-run")
    done = prune()
    assert done.code == 0, done.err
    assert done.out.startswith(planned.out)
    assert done.out.endswith("  done: compressed 0, deleted 3, freed 2.9 KiB\n")
    assert sorted(github.sizes) == [1, 98, 99, 100]


def test_every_action_is_a_line_of_the_retention_log(prune: Prune) -> None:
    lines = [json.loads(line) for line in prune().err.splitlines() if line.startswith("{")]
    assert [line["operation"] for line in lines] == ["delete"] * 3
    assert [line["run"].partition("#")[2] for line in lines] == ["95", "96", "97"]
    for line in lines:
        assert list(schema_check("retention-log")(line, "line")) == []
    assert resources.schema("retention-log")["type"] == "object"


def test_json_is_one_document_about_folders_and_artifacts(prune: Prune, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / ".soak-artifacts").touch()
    done = prune("runs", "--json")
    assert done.code == 0, done.err
    document = done.json
    assert (document["kept"], document["deleted"], document["freed_bytes"]) == (3, 3, 3000)
    assert [root["path"].rpartition("/")[2] for root in document["roots"]] == ["runs", REPOSITORY]
    assert document["outcome"]["deleted"] == 3
    assert document["outcome"]["left_out"] == 0
    assert {row["root"] for row in document["plan"]} == {f"artifacts of {OWNER}/{REPOSITORY}"}


def test_a_prefix_narrows_what_is_looked_at(prune: Prune, github: GitHub) -> None:
    done = prune("--prefix", "soak-20260105", "--json")
    assert (done.code, done.json["kept"], done.json["deleted"]) == (0, 1, 0)
    assert len(github.artifacts) == 7


def test_another_name_for_the_token_is_known(prune: Prune, github: GitHub) -> None:
    assert prune("--dry-run", GITHUB_TOKEN="", GH_TOKEN=TOKEN).code == 0
    assert prune("--dry-run", GITHUB_TOKEN="", GH_TOKEN="").code == 2


@pytest.mark.parametrize(
    ("words", "more", "told"),
    [
        ((), {"GITHUB_TOKEN": ""}, "GITHUB_TOKEN is not set"),
        ((), {"GITHUB_TOKEN": f"{TOKEN} {TOKEN}"}, "the token for GitHub is empty, or holds characters"),
        ((), {"GITHUB_REPOSITORY": ""}, "GITHUB_REPOSITORY is not set"),
        ((), {"GITHUB_REPOSITORY": "somebody"}, "'somebody' names no repository; write OWNER/NAME"),
        ((), {"GITHUB_API_URL": "http://example.com"}, "none that a token may be sent to"),
        (("--prefix", ""), {}, "the prefix of the artifacts is empty"),
        (("--plan", "plan.json"), {}, "--plan: a plan for artifacts cannot be saved; leave --github out"),
        (("--apply", "plan.json"), {}, "leave --set and --github out"),
        (("nowhere",), {}, "nowhere: there is no such directory"),
        (("--set", "retention.keep_last=0"), {}, "no rule of 'retention' keeps a run"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_asked(
    prune: Prune, github: GitHub, words: tuple[str, ...], more: dict[str, str], told: str
) -> None:
    done = prune(*words, **more)
    assert done.code == 2
    assert told in done.err
    assert done.err.count("\n") == 1
    assert github.requests == []


def test_a_prefix_without_artifacts_is_refused(soak) -> None:
    done = soak("prune", ".", "--prefix", "soak-")
    assert (done.code, done.err) == (2, "soak: --prefix: it is about artifacts; add --github, or leave it out\n")


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (refusal(401, "Bad credentials"), "401, the token is not accepted"),
        (
            refusal(403, "Resource not accessible", x_accepted_github_permissions="actions=read"),
            "403, the token lacks the permission 'actions: read'; grant it",
        ),
        (refusal(404, "Not Found"), "404, it does not exist"),
        (refusal(422, f"you sent Bearer {TOKEN}"), "you sent Bearer ***"),
        (refusal(403, "API rate limit exceeded", retry_after="5000"), "ask again in 5000 s"),
        (Reply(200, raw=b"<html>"), "is no JSON"),
        (Reply(200, {"artifacts": [{"name": TOKEN}]}), "makes no sense"),
        (refusal(302, "Moved", Location="https://example.com/x"), "leads to another server"),
    ],
    ids=str,
)
def test_what_github_refuses_is_one_clear_line_without_the_token(
    prune: Prune, github: GitHub, reply: Reply, told: str
) -> None:
    github.faults.append(lambda _: reply)
    for words in ((), ("--json",)):
        done = prune(*words)
        assert done.code == 5
        assert told in done.err
        assert done.err.count("\n") == 1
    assert len(github.artifacts) == 7


def test_a_missing_permission_to_delete_is_told_with_what_is_left(prune: Prune, github: GitHub) -> None:
    github.may_delete = False
    done = prune()
    assert done.code == 5
    assert "  skipped   soak-20260105T000000Z-nightly-ab12cd#95: DELETE /repos/" in done.out
    assert "'actions: write'; grant it" in done.out
    assert "  left out  2 items, for the next time\n  done: compressed 0, deleted 0" in done.out
    assert len(github.artifacts) == 7


def test_what_somebody_else_deletes_meanwhile_is_told(prune: Prune, github: GitHub) -> None:
    gone = next(row for row in github.artifacts if row["id"] == 96)

    def somebody(request) -> None:
        if request.method == "DELETE" and gone in github.artifacts:
            github.artifacts.remove(gone)

    github.before = somebody
    done = prune()
    assert done.code == 0
    assert "  gone      1 artifact already, before it could be deleted\n  done: compressed 0, deleted 3" in done.out


def test_what_is_protected_over_the_limit_is_red(prune: Prune, github: GitHub) -> None:
    github.releases, github.tags = ["v1"], {"v1": f"{100:040x}"}
    done = prune("--set", "retention.max_total=900B")
    assert done.code == 1
    assert "over budget by 100 Bytes" in done.out
    assert sorted(github.sizes) == [1, 100]


def test_nothing_else_than_the_api_is_asked_of_the_network(prune: Prune, github: GitHub, tmp_path: Path) -> None:
    """A server for this name would be asked by whoever follows the addresses in the rows."""
    assert "archive_download_url" in github.artifacts[0]
    proxy = f"http://{unused()}"
    assert prune("--dry-run", HTTPS_PROXY=proxy, HTTP_PROXY=proxy, https_proxy=proxy, http_proxy=proxy).code == 0
    assert clean_environment()["PYTHONPATH"]
