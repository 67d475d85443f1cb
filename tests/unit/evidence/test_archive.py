"""A directory as one file: the same bytes each time, everything in it again, and nothing beside it."""

from __future__ import annotations

import gzip
import io
import os
import sys
import tarfile
from pathlib import Path

import pytest

from soak_action.errors import EvidenceError
from soak_action.evidence.archive import Counter, difference, members, unpack, write

needs_links = pytest.mark.skipif(sys.platform == "win32", reason="links, modes and such names are those of POSIX")
UMLAUTS = ("n\u00e4her", "na\u0308her")


def filled(place: Path) -> Path:
    run = place / "20261123T005200Z-smoke-ab12cd"
    (run / "iterations" / "00001" / "out").mkdir(parents=True)
    (run / "run.json").write_bytes(b"{}")
    (run / "receipt.json").write_bytes(b"{}\n")
    (run / "iterations" / "00001" / "stdout.log").write_bytes(b"hello\n" * 100_000)
    (run / "iterations" / "00001" / "out" / "empty").write_bytes(b"")
    return run


def packed(run: Path, place: Path) -> Path:
    with place.open("wb") as file:
        write(run, file)
    return place


def content_of(run: Path) -> dict[str, object]:
    found: dict[str, object] = {}
    for path in sorted(run.rglob("*")):
        name = path.relative_to(run).as_posix()
        found[name] = path.readlink() if path.is_symlink() else path.is_dir() or path.read_bytes()
    return found


def test_what_is_unpacked_is_what_was_packed(tmp_path):
    run = filled(tmp_path)
    archive = packed(run, tmp_path / "a.tar.gz")
    assert difference(run, archive) is None
    unpack(archive, tmp_path / "again")
    assert content_of(tmp_path / "again") == content_of(run)
    assert (tmp_path / "again/run.json").stat().st_mtime == int((run / "run.json").stat().st_mtime)
    assert archive.stat().st_size < 10_000


def test_the_bytes_are_always_the_same(tmp_path):
    run = filled(tmp_path)
    first = packed(run, tmp_path / "a.tar.gz").read_bytes()
    os.utime(run / "run.json", ns=(0, run.joinpath("run.json").stat().st_mtime_ns))
    assert packed(run, tmp_path / "b.tar.gz").read_bytes() == first
    counter = Counter()
    write(run, counter)
    assert counter.bytes == len(first)


def test_what_tells_of_a_run_comes_first(tmp_path):
    names = [member.name.rpartition("/")[2] for member, _ in members(packed(filled(tmp_path), tmp_path / "a"))]
    assert names[1:3] == ["receipt.json", "run.json"]


def test_the_lock_and_what_a_killed_write_left_are_not_packed(tmp_path):
    run = filled(tmp_path)
    archive = packed(run, tmp_path / "a")
    (run / ".lock").write_bytes(b"pid 1")
    (run / ".tmp-1-ab").write_bytes(b"half")
    assert difference(run, archive) is None


@needs_links
def test_links_holes_and_odd_names_survive(tmp_path):
    run = filled(tmp_path)
    out = run / "iterations/00001/out"
    (out / "outside").symlink_to("/etc/passwd")
    (out / "loop").symlink_to("loop")
    (out / "folder").symlink_to(tmp_path)
    os.link(run / "iterations/00001/stdout.log", out / "twin")
    with (out / "holes").open("wb") as file:
        file.truncate(50_000_000)
        file.seek(20_000_000)
        file.write(b"x")
    for name in (*UMLAUTS, "new\nline", "trailing. ", "-rf", "back\\slash", "l" * 255):
        (out / name).write_bytes(name.encode())
    (out / os.fsdecode(b"\xff\xfe")).write_bytes(b"no text")
    deep = out
    for _ in range(10):
        deep = deep / ("d" * 60)
    deep.mkdir(parents=True)
    (deep / "leaf").write_bytes(b"leaf")
    archive = packed(run, tmp_path / "a")
    assert difference(run, archive) is None
    assert archive.stat().st_size < 200_000
    unpack(archive, tmp_path / "again")
    again = tmp_path / "again/iterations/00001/out"
    assert content_of(tmp_path / "again") == content_of(run)
    assert (again / "twin").samefile(tmp_path / "again/iterations/00001/stdout.log")
    assert (again / "holes").stat().st_blocks * 512 < 1_000_000


@needs_links
def test_a_pipe_cannot_be_packed(tmp_path):
    run = filled(tmp_path)
    os.mkfifo(run / "pipe")
    with pytest.raises(OSError, match="pipe is neither a file nor a folder nor a link"):
        packed(run, tmp_path / "a")


def change(run: Path, what: str) -> None:
    log = run / "iterations/00001/stdout.log"
    if what == "content":
        status = log.stat()
        log.write_bytes(b"hallo\n" * 100_000)
        os.utime(log, ns=(status.st_atime_ns, status.st_mtime_ns))
    elif what == "longer":
        log.write_bytes(log.read_bytes() + b"x")
    elif what == "more":
        (run / "zzz").write_bytes(b"")
    elif what == "less":
        (run / "run.json").unlink()
    elif what == "time":
        os.utime(log, (1, 1))
    elif what == "renamed":
        (run / "run.json").rename(run / "ran.json")


@pytest.mark.parametrize("what", ["content", "longer", "more", "less", "time", "renamed"])
def test_every_difference_is_found(tmp_path, what):
    run = filled(tmp_path)
    archive = packed(run, tmp_path / "a")
    change(run, what)
    assert difference(run, archive) is not None


def test_a_damaged_archive_is_told_from_a_good_one_wherever_the_damage_is(tmp_path):
    run = filled(tmp_path)
    whole = packed(run, tmp_path / "a").read_bytes()
    broken = tmp_path / "b"
    for place in [0, 1, 5, 60, len(whole) // 2, len(whole) - 6, len(whole) - 1]:
        broken.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        if place == 5:
            continue  # the time that a gzip header tells means nothing
        with pytest.raises(EvidenceError, match="the archive is damaged"):
            list(members(broken))
    for size in [0, 5, 100, len(whole) // 2, len(whole) - 4]:
        broken.write_bytes(whole[:size])
        with pytest.raises(EvidenceError, match="the archive is damaged"):
            list(members(broken))


def forged(place: Path, *infos: tarfile.TarInfo) -> Path:
    with gzip.open(place, "wb") as file, tarfile.open(fileobj=file, mode="w") as archive:
        for info in infos:
            archive.addfile(info, io.BytesIO(b"x" * info.size))
    return place


def info(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, link
    made.mode = 0o755
    return made


@pytest.mark.parametrize(
    "infos",
    [
        [info("run", tarfile.DIRTYPE), info("run/../../evil")],
        [info("/evil")],
        [info("run", tarfile.DIRTYPE), info("run/missing/evil")],
        [info("run", tarfile.DIRTYPE), info("run/away", tarfile.SYMTYPE, ".."), info("run/away/evil")],
        [info("run", tarfile.DIRTYPE), info("run/pipe", tarfile.FIFOTYPE)],
        [info("run", tarfile.DIRTYPE), info("run/twin", tarfile.LNKTYPE, "run/../../secret")],
        pytest.param(
            [
                info("run", tarfile.DIRTYPE),
                info("run/away", tarfile.SYMTYPE, "../secret"),
                info("run/twin", tarfile.LNKTYPE, "run/away"),
            ],
            marks=needs_links,
        ),
    ],
)
def test_a_forged_archive_leads_nowhere(tmp_path, infos):
    (tmp_path / "secret").write_bytes(b"secret")
    archive = forged(tmp_path / "a", *infos)
    with pytest.raises(EvidenceError):
        unpack(archive, tmp_path / "inner")
    assert {path.name for path in tmp_path.iterdir()} == {"a", "inner", "secret"}
