"""What a run says of its parameters, edited with chain, digests and receipt made right again."""

from __future__ import annotations

import copy
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import clean_environment, full
from tests.integration.tuned import INTERVAL, configure, lines, outcomes, rule

from soak_action import canonical
from soak_action.errors import SoakError
from soak_action.evidence import ledger
from soak_action.evidence.run_dir import RunDir, find
from soak_action.verify import Verification, seal, verify

# In full it is thousands of edits, each judged and verified.
pytestmark = pytest.mark.timeout(1800)

TUNER = """\
import json, sys
asked = json.load(sys.stdin)
wanted = [{"parameter": "cap", "target": 0.5, "because": "why not"}] if asked["kpis"]["v"] == 1 else []
print(json.dumps({"state_hash": asked["state_hash"], "proposals": wanted}))
"""
PARAMETERS = {"interval_ms": {**INTERVAL, "max_change_per_hour": 10**9}, "cap": {"initial": 0.1, "min": 0, "max": 1}}
GUARDS = {"freeze": {"after": 2, "hold": 2, "when": "v == 0", "parameters": ["interval_ms"]}}
OF_PARAMETERS = ("parameters", "state_hash", "decisions", "frozen", "parameters_file", "tuner")
# What nothing else tells of; whatever it says, nobody is judged by it.
UNBOUND = {"seconds", "leftovers", "exit_code", "signal", "outcome"}
STRANGE = (None, True, "x", "0" * 64, 7, 0.25, [], {}, -1e308, [None], {"a": []})


@dataclass
class Told:
    """The files of a run that tell of its parameters, to be edited."""

    promise: dict[str, Any]
    records: list[dict[str, Any]]
    decisions: list[dict[str, Any]]
    ends: list[dict[str, Any]] = field(default_factory=list)


@pytest.fixture(scope="module")
def genuine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run with freeze, rules and a command, of which each iteration proves what it read."""
    folder = tmp_path_factory.mktemp("genuine")
    (folder / "tuner.py").write_text(TUNER, "utf-8")
    up = rule("v == 1", change={"interval_ms": 5})
    tuning = {"enabled": True, "rules": [up], "command": [sys.executable, "-S", "tuner.py"]}
    configure(folder, [0, 0, 1, 1, 0, 0], parameters=PARAMETERS, guards=GUARDS, tuning=tuning)
    words = [sys.executable, "-m", "soak_action", "run", "--json"]
    done = subprocess.run(words, cwd=folder, env=clean_environment(), capture_output=True, check=True)
    run = Path(json.loads(done.stdout)["run_dir"])
    assert outcomes(run) == [
        (4, 70, 75, "suppressed", "freeze"),
        (4, 0.1, 0.5, "applied", None),
        (5, 70, 75, "applied", None),
        (5, 0.5, 0.5, "no_op", "no_op"),
    ]
    return run


@pytest.fixture
def run(genuine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(genuine, tmp_path / genuine.name))


def read(run: Path) -> Told:
    promise = json.loads((run / "run.json").read_bytes())
    return Told(promise, lines(run), lines(run, "decisions.jsonl"), lines(run, "segments.jsonl"))


def write(run: Path, told: Told) -> Verification:
    """Write what was edited, chained anew, with a verdict and a receipt of soak's own; return what verify finds."""
    content = canonical.pretty(told.promise)
    (run / "run.json").write_bytes(content)
    head = canonical.digest_of_bytes(content)
    written: dict[str, list[bytes]] = {"iterations.jsonl": [], "decisions.jsonl": [], "segments.jsonl": []}

    def add(name: str, record: dict[str, Any]) -> None:
        nonlocal head
        body = {key: value for key, value in record.items() if key not in ("digest", "previous")}
        line, head = ledger.seal(body, head)
        written[name].append(line + b"\n")

    waiting = list(told.decisions)
    for place, record in enumerate(told.records, 1):
        while waiting and (waiting[0].get("iteration") == place or waiting[0].get("iteration") not in range(place, 9)):
            add("decisions.jsonl", waiting.pop(0))
        add("iterations.jsonl", record)
    for record in told.ends:
        add("segments.jsonl", record)
    for name, content_of in written.items():
        (run / name).write_bytes(b"".join(content_of))
    try:
        seal(RunDir(run))
    except SoakError:
        # It is found before anything is sealed.
        return verify(find(run))
    return verify(find(run))


def leaves(tree: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value in nested mappings and lists, those that hold others included."""
    yield above
    below = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in below:
        yield from leaves(value, (*above, key))


def replaced(tree: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    found = copy.copy(tree)
    found[path[0]] = replaced(tree[path[0]], path[1:], value)
    return found


def at(tree: Any, path: tuple[Any, ...]) -> Any:
    return at(tree[path[0]], path[1:]) if path else tree


def strange_for(before: Any, place: int) -> list[Any]:
    """Return what to put in the place of a value: all of it in full, else one that the place chooses."""
    other = [value for value in STRANGE if canonical.digest([value]) != canonical.digest([before])]
    return full(other, [random.Random(place).choice(other)])


def test_nothing_is_found_in_what_nobody_edited(run: Path) -> None:
    found = write(run, read(run))
    assert (found.exit_code, found.problems) == (0, ())


def test_each_value_of_each_record_is_bound(run: Path) -> None:
    original = read(run)
    tried = 0
    for number in full(range(6), (3, 4)):
        record = original.records[number]
        for place, path in enumerate(way for key in OF_PARAMETERS for way in leaves(record[key], (key,))):
            for value in strange_for(at(record, path), place):
                told = copy.deepcopy(original)
                told.records[number] = replaced(told.records[number], path, value)
                is_bound = not (path[0] == "tuner" and path[-1] in UNBOUND)
                # Whether the file was edited makes the verdict invalid, or is no boolean.
                assert write(run, told).exit_code == 4 or not is_bound, (number + 1, path, value)
                tried += 1
    assert tried > full(1000, 50)


def test_each_value_of_a_decision_is_bound_though_both_of_its_places_agree(run: Path) -> None:
    original = read(run)
    for number, decision in list(enumerate(original.decisions))[:: full(1, 2)]:
        record = next(one for one in original.records if one["iteration"] == decision["iteration"])
        inner = next(i for i, one in enumerate(record["decisions"]) if one["source"] == decision["source"])
        for place, path in enumerate(way for way in leaves(record["decisions"][inner]) if way):
            for value in strange_for(at(decision, path), 100 * number + place):
                told = copy.deepcopy(original)
                told.decisions[number] = replaced(told.decisions[number], path, value)
                ours = told.records[record["iteration"] - 1]
                ours["decisions"][inner] = replaced(ours["decisions"][inner], path, value)
                assert write(run, told).exit_code == 4, (number, path, value)


def test_each_value_that_run_json_promises_of_the_parameters_is_bound(run: Path) -> None:
    original = read(run)
    for place, path in enumerate(leaves(original.promise["parameters"], ("parameters",))):
        for value in strange_for(at(original.promise, path), place):
            told = copy.deepcopy(original)
            told.promise = replaced(told.promise, path, value)
            assert write(run, told).exit_code == 4, (path, value)


def _both(told: Told, iteration: int, source: str) -> list[dict[str, Any]]:
    """Return a decision in both of its places."""
    places = [*told.decisions, *told.records[iteration - 1]["decisions"]]
    return [one for one in places if (one["iteration"], one["source"]) == (iteration, source)]


def _call_it_applied(told: Told) -> None:
    for one in _both(told, 4, "rule 1"):
        one.update(outcome="applied", reason=None, reasons=[], details={})


def _apply_it_throughout(told: Told) -> None:
    """Claim that the frozen parameter was moved, with every hash and value after it as they then would be."""
    _call_it_applied(told)
    state = {"interval_ms": 70, "cap": 0.1}
    for record in told.records:
        for one in record["decisions"]:
            one["from"], one["state_hash_before"] = state[one["parameter"]], canonical.digest(state)
            if one["outcome"] == "applied":
                state[one["parameter"]] = one["to"]
            one["state_hash_after"] = canonical.digest(state)
            for other in _both(told, one["iteration"], one["source"]):
                other.update(one)
        record.update(parameters=dict(state), state_hash=canonical.digest(state))


def _call_it_suppressed(told: Told) -> None:
    for one in _both(told, 5, "rule 1"):
        one.update(outcome="suppressed", reason="warmup", reasons=["warmup"], details={"warmup": "too early"})


def _remove(told: Told) -> None:
    told.decisions = [one for one in told.decisions if (one["iteration"], one["source"]) != (4, "rule 1")]
    del told.records[3]["decisions"][0]


def _remove_that_of_the_command(told: Told) -> None:
    told.decisions = [one for one in told.decisions if (one["iteration"], one["source"]) != (5, "command")]
    del told.records[4]["decisions"][1]
    told.records[4]["tuner"]["proposals"] = 0


def _claim_another_reason(told: Told) -> None:
    for one in _both(told, 5, "command"):
        one["because"] = "the risk was too high"


def _decide_later(told: Told) -> None:
    for one in (*_both(told, 5, "rule 1"), *_both(told, 5, "command")):
        one["offset_seconds"] += 3600


def _decide_earlier(told: Told) -> None:
    for one in (*_both(told, 5, "rule 1"), *_both(told, 5, "command")):
        one["offset_seconds"] = 0


def _blame_the_command(told: Told) -> None:
    told.records[1]["tuner"]["problem"] = "it said nothing that could be used"


def _forget_the_command(told: Told) -> None:
    told.records[1]["tuner"] = None


def _another_file(told: Told) -> None:
    for record in told.records[4:]:
        record["parameters_file"]["digest"] = told.records[3]["parameters_file"]["digest"]


def _thaw(told: Told) -> None:
    told.records[3]["frozen"] = None


def _freeze_longer(told: Told) -> None:
    for record in told.records[2:4]:
        record["frozen"]["until"] = 5


def _begin_elsewhere(told: Told) -> None:
    told.promise["parameters"]["values"]["cap"] = 0.2
    told.promise["parameters"]["state_hash"] = canonical.digest(told.promise["parameters"]["values"])


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (_call_it_applied, "its decisions are not those that the guards come to"),
        (_apply_it_throughout, "its decisions are not those that the guards come to"),
        (_call_it_suppressed, "its decisions are not those that the guards come to"),
        (_remove, "its proposals are not those that the rules make"),
        (_remove_that_of_the_command, "its proposals are not those that the command printed"),
        (_claim_another_reason, "its proposals are not those that the command printed"),
        (_decide_later, "was decided about after it had begun"),
        (_decide_earlier, "was decided about before the iteration before it ended"),
        (_blame_the_command, "its proposals are not those that the command printed"),
        (_forget_the_command, "tells nothing of the command that was to be asked"),
        (_another_file, "its file is the same than before"),
        (_thaw, "its freeze is not the one that follows"),
        (_freeze_longer, "its freeze is not the one that follows"),
        (_begin_elsewhere, "its decisions are not those that the guards come to"),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else "",
)
def test_a_story_that_was_told_otherwise_is_found(run: Path, edit: Callable[[Told], None], words: str) -> None:
    told = read(run)
    edit(told)
    found = write(run, told)
    assert found.exit_code == 4
    assert [problem for problem in found.problems if words in problem.what], found.problems


def test_a_snapshot_that_was_edited_is_found(run: Path) -> None:
    for content in ('{"cap": 0.5, "interval_ms": 40}', '{"cap": 0.5}', "[]", "{", '{"cap": {"a": 1}, "cap.a": 1}', ""):
        (run / "params.json").write_text(content)
        found = write(run, read(run))
        assert (found.exit_code, [problem.where for problem in found.problems]) == (4, ["params.json"]), content
    (run / "params.json").unlink()
    assert write(run, read(run)).exit_code == 4
