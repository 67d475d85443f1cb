"""The workflow runs of a repository at GitHub: which have ended, and how."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from soak_action.errors import SurroundingsError
from soak_action.github.rest import RestClient
from soak_action.github.transport import RestError
from soak_action.retention.artifact_inventory import RunState, Verdict

_VERDICTS: dict[str, Verdict] = {"success": "pass", "failure": "fail", "timed_out": "fail", "startup_failure": "fail"}
_UNFINISHED = ("in_progress", "queued", "requested", "waiting", "pending")


class WorkflowRuns:
    """The runs of the repository whose part of the API begins with `path`."""

    def __init__(self, client: RestClient, path: str) -> None:
        self._client = client
        self._path = f"{path}/actions"

    def states(self, numbers: set[int]) -> dict[int, RunState]:
        """Return the state of each run that is still known.

        The runs of a workflow are asked for a hundred at a time, and only as far back as needed.
        """
        found: dict[int, RunState] = {}
        asked = set[int]()
        unknown = set(numbers)
        while unknown:
            number = max(unknown)
            unknown.discard(number)
            run = self._run(number)
            if run is None:
                continue
            found[number] = _state(run)
            workflow = run.get("workflow_id")
            if isinstance(workflow, int) and workflow not in asked and unknown:
                asked.add(workflow)
                found |= self._of_workflow(workflow, min(unknown))
                unknown -= found.keys()
        return found

    def unfinished(self) -> frozenset[int]:
        """Return the workflow runs that have not ended."""
        lists = (self._rows("/runs", {"status": status}) for status in _UNFINISHED)
        return frozenset(_number(row) for rows in lists for row in rows)

    def _run(self, number: int) -> dict[str, Any] | None:
        """Return a workflow run; None when it was deleted and its artifacts are still there."""
        run = _unless_gone(lambda: self._client.get(f"{self._path}/runs/{number}"))
        if run is not None and not isinstance(run, dict):
            raise SurroundingsError(f"GitHub's answer about the workflow run {number} makes no sense")
        return run

    def _of_workflow(self, workflow: int, oldest: int) -> dict[int, RunState]:
        """Return the states of the runs of a workflow, which come newest first, at least back to the run `oldest`."""
        found = {}
        rows = self._rows(f"/workflows/{workflow}/runs")
        while (row := _unless_gone(lambda: next(rows, None))) is not None:
            number = _number(row)
            found[number] = _state(row)
            if number < oldest:
                break
        return found

    def _rows(self, path: str, query: Mapping[str, str] | None = None) -> Iterator[dict[str, Any]]:
        return self._client.rows(self._path + path, "workflow_runs", query)


def _unless_gone(ask: Callable[[], Any]) -> Any:
    """Return what `ask` returns; None for what was deleted since somebody spoke of it."""
    try:
        return ask()
    except RestError as error:
        if error.status == 404:
            return None
        raise


def _state(run: dict[str, Any]) -> RunState:
    return RunState(_VERDICTS.get(str(run.get("conclusion"))), run.get("status") != "completed")


def _number(run: dict[str, Any]) -> int:
    number = run.get("id")
    if not isinstance(number, int):
        raise SurroundingsError("GitHub lists a workflow run without a number")
    return number
