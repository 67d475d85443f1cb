"""`soak stress` on the parameters of a soak.yaml: a copy is stressed, the user's own file stays as it is."""

from __future__ import annotations

import os

import pytest

from soak_action.tuning.parameters import state_hash

CONFIGURATION = """\
version: 1
workload:
  run: "true"
parameters:
  file: conf/my params.json
  values:
    pool.size: {initial: 70, min: 40, max: 80, step: 5}
    ratio: {initial: 0.5, min: 0.0, max: 1.0}
profiles:
  small:
    parameters: {values: {pool.size: {initial: 45}}}
"""


@pytest.fixture
def place(tmp_path):
    (tmp_path / "soak.yaml").write_text(CONFIGURATION, "utf-8")
    (tmp_path / "conf").mkdir()
    return tmp_path


@pytest.mark.parametrize(("words", "size"), [((), 75), (("--profile", "small"), 50)])
def test_without_a_file_the_initial_values_are_stressed_and_none_is_made(soak, place, words, size):
    done = soak("stress", "--apply", "100", "--json", *words)
    assert (done.code, done.err) == (0, "")
    hashes = [state_hash({"pool.size": size, "ratio": 0.5})]
    assert done.json == {"applied": 1, "no_op": 99, "state_hashes": hashes, "file_unchanged": True}
    assert list((place / "conf").iterdir()) == []


def test_the_file_is_read_and_left_alone_even_from_elsewhere(soak, place):
    path = place / "conf" / "my params.json"
    path.write_bytes(b'{"ratio": 1, "pool": {"size": 80}}')
    os.utime(path, ns=(10**9, 10**9))
    (place / "elsewhere").mkdir()
    done = soak("stress", "--apply", "3", "--config", "../soak.yaml", cwd=place / "elsewhere")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("APPLIED ONCE: one decision, parameters of ")
    assert state_hash({"pool.size": 75, "ratio": 1}) in done.out
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (b'{"ratio": 1, "pool": {"size": 80}}', 10**9)
    assert [entry.name for entry in (place / "conf").iterdir()] == ["my params.json"]


def test_a_file_with_mistakes_is_refused_in_one_line_for_each_trap_28(soak, place):
    (place / "conf" / "my params.json").write_bytes(b'{"pool": {"size": 65}, "pool.size": 5, "raito": 0.5}')
    done = soak("stress")
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines() == [
        'soak: conf/my params.json: "pool.size" and "size" in "pool" are the same name; keep one of them',
        "soak: conf/my params.json: unknown parameter 'raito' - did you mean 'ratio'?",
        'soak: conf/my params.json: ratio is missing; write "ratio": 0.5',
    ]
