"""Everything that an output directory holds, as items to decide about. Nothing is changed by looking."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from soak_action import canonical
from soak_action.errors import SoakError
from soak_action.evidence.archive import difference
from soak_action.evidence.compressed import SUFFIX
from soak_action.evidence.run_dir import RUN_ID
from soak_action.files import LOCK_NAME, is_temporary, surroundings
from soak_action.retention.disk_use import DiskUse, disk_use
from soak_action.retention.item import Group, Item, Kind
from soak_action.retention.manifest import Manifest, manifest_of, manifest_of_archive
from soak_action.retention.pins import PinKind, pins_in
from soak_action.retention.root import is_own, leftovers_in, names_in
from soak_action.system import BINARY, try_lock, unlock

_KIND_OF_PIN: Mapping[PinKind, Kind | None] = {"pinned": None, "baseline": "baseline", "release": "release"}


@dataclass(frozen=True, slots=True)
class Found:
    """An item, the name of what it is in the root, and a fingerprint of all that is in it.

    `strange` says why it cannot be compressed. `twin` is the disk use, in bytes, of the archive that a killed prune
    left beside the directory, which holds exactly the same.
    """

    item: Item
    name: str
    stamp: str
    strange: str | None = None
    twin: int | None = None


@dataclass(frozen=True)
class Inventory:
    """What a root holds. `leftovers` names what a killed prune left on its way out, `notes` says what is odd."""

    root: Path
    found: Mapping[str, Found]
    leftovers: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def items(self) -> Sequence[Item]:
        """All items, in the order of their names."""
        return [found.item for found in self.found.values()]

    @property
    def digest(self) -> str:
        """The SHA-256 of what all of it is, in hexadecimal: any change in any item changes it."""
        digest = hashlib.sha256()
        for found in self.found.values():
            item = found.item
            facts = (found.name, found.stamp, item.kind, item.verdict, item.is_pinned, item.is_running, found.twin)
            digest.update(f"{item.id}\0{facts}\0".encode("utf-8", "surrogateescape"))
        return digest.hexdigest()


@dataclass(slots=True)
class _Draft:
    """An item in the making, with what its files take once however many names they have."""

    found: Found
    use: DiskUse
    run_id: str | None


def take_inventory(root: Path, now: float) -> Inventory:
    """Return what a checked root holds; `now` is in seconds since 1970 UTC. Raises SurroundingsError."""
    try:
        taker = _Taker(root, now)
        drafts = {draft.found.item.id: draft for draft in taker.drafts()}
        leftovers = tuple(leftovers_in(root))
    except OSError as error:
        raise surroundings(error, f"look into {root}") from error
    _tell_copies(drafts, taker.notes)
    _share(drafts)
    return Inventory(root, {name: draft.found for name, draft in drafts.items()}, leftovers, tuple(taker.notes))


class _Taker:
    """Looks at one name of the root after the other."""

    def __init__(self, root: Path, now: float) -> None:
        self.notes: list[str] = []
        self._root = root
        self._now = now
        self._device = os.lstat(root).st_dev
        self._pins = pins_in(root)
        self._groups: dict[Group, Group] = {}

    def drafts(self) -> Iterator[_Draft]:
        names = sorted(name for name in names_in(self._root) if not is_own(name))
        known = set(names)
        twins: dict[str, int | None] = {}
        for name in names:
            path = self._root / name
            try:
                use = disk_use(path, self._device)
            except FileNotFoundError:
                continue  # it went while it was being looked for, and so it is none of the inventory
            mode = use.mode
            is_archive = name.endswith(SUFFIX) and stat.S_ISREG(mode)
            if stat.S_ISDIR(mode):
                twins[name] = self._twin(path) if name + SUFFIX in known else None
                yield self._directory(path, use, twins[name])
            elif is_archive and name.removesuffix(SUFFIX) not in known:
                yield self._archive(path, use)
            elif is_archive:
                # Its directory came before it.
                if twins.get(name.removesuffix(SUFFIX)) is None:
                    yield self._stranger(name, use, "damaged", None)
                    self.notes.append(f"{_told(name)} does not hold what the directory beside it does; both stay")
            else:
                obstacle = "is a link, which is never followed" if stat.S_ISLNK(mode) else "is nothing that soak made"
                yield self._stranger(name, use, "unknown", None if is_temporary(name) else obstacle)

    def _directory(self, path: Path, use: DiskUse, twin: int | None) -> _Draft:
        # Whoever copies a run here gives the copy its name when it is whole.
        manifest = None if is_temporary(path.name) else manifest_of(path)
        if manifest is None:
            return self._stranger(path.name, use, "unknown", use.obstacle)
        held = _held(path)
        draft = self._known(path.name, path.name, use, manifest, is_running=held is True)
        item = draft.found.item
        if isinstance(held, str):
            item = replace(item, obstacle=item.obstacle or held)
        if twin is not None:
            item = replace(item, bytes=item.bytes + twin, has_archive=True)
        draft.found = replace(draft.found, item=item, twin=twin)
        return draft

    def _archive(self, path: Path, use: DiskUse) -> _Draft:
        manifest = manifest_of_archive(path)
        if manifest is None:
            self.notes.append(f"{_told(path.name)} is damaged, or no archive of a run; it stays")
            return self._stranger(path.name, use, "damaged", None)
        draft = self._known(path.name.removesuffix(SUFFIX), path.name, use, manifest, is_running=False)
        draft.found = replace(draft.found, item=replace(draft.found.item, is_compressed=True))
        return draft

    def _known(self, run_id: str, name: str, use: DiskUse, manifest: Manifest, *, is_running: bool) -> _Draft:
        if manifest.started > self._now:
            self.notes.append(f"{_told(run_id)} says that it began in the future; it counts as new")
        pin = self._pins.get(run_id)
        kept_as = None if pin is None else _KIND_OF_PIN[pin]
        ended: Kind = "judgement" if manifest.group.judgements else "run"
        item = Item(
            id=run_id,
            group=self._groups.setdefault(manifest.group, manifest.group),
            # How long nobody came back for it counts from its last change.
            started=manifest.started if manifest.has_ended else max(manifest.started, use.changed),
            bytes=use.bytes,
            kind=(kept_as or ended) if manifest.has_ended else "unfinished",
            verdict=manifest.verdict,
            is_running=is_running,
            is_pinned=pin is not None,
            obstacle=use.obstacle,
        )
        return _Draft(Found(item, name, use.stamp, use.strange), use, manifest.run_id)

    def _stranger(self, name: str, use: DiskUse, kind: Kind, obstacle: str | None) -> _Draft:
        item = Item(name, None, use.changed, use.bytes, kind, is_pinned=name in self._pins, obstacle=obstacle)
        return _Draft(Found(item, name, use.stamp, use.strange), use, None)

    def _twin(self, directory: Path) -> int | None:
        """Return the disk use of the archive beside a directory when it holds exactly the same, else None."""
        archive = directory.with_name(directory.name + SUFFIX)
        try:
            if not stat.S_ISREG(os.lstat(archive).st_mode) or difference(directory, archive) is not None:
                return None
            return disk_use(archive, self._device).bytes
        except (OSError, SoakError):
            return None


def _tell_copies(drafts: Mapping[str, _Draft], notes: list[str]) -> None:
    """Take the copies of a run out of its group: counted twice, a run would push another one out."""
    named = {draft.run_id for name, draft in drafts.items() if draft.run_id == name}
    for name, draft in drafts.items():
        if draft.run_id is None or draft.run_id == name:
            continue
        if draft.run_id in named or RUN_ID.fullmatch(name):
            notes.append(f"{_told(name)} is a copy of {_told(draft.run_id)}, so it counts as unknown")
            item = draft.found.item
            changed = max(item.started, draft.use.changed)
            draft.found = replace(draft.found, item=replace(item, kind="unknown", group=None, started=changed))
        named.add(draft.run_id)


def _share(drafts: Mapping[str, _Draft]) -> None:
    """Count a file that several items hold for the newest of them: deleting an older one does not free it."""
    seen: set[tuple[int, int]] = set()
    sharing = [draft for draft in drafts.values() if draft.use.shared]
    for draft in sorted(sharing, key=lambda one: one.found.item.order, reverse=True):
        own = 0
        for file in draft.use.shared:
            if (file.device, file.inode) not in seen:
                seen.add((file.device, file.inode))
                own += file.bytes
        item = draft.found.item
        draft.found = replace(draft.found, item=replace(item, bytes=item.bytes + own))


def _held(directory: Path) -> bool | str | None:
    """Return whether a living process holds the lock of a run, or why nobody can tell."""
    lock = f"{directory}{os.sep}{LOCK_NAME}"
    try:
        # An empty lock is free, and whoever is about to take it must not find it taken by one who only looks.
        if not os.lstat(lock).st_size:
            return False
        descriptor = os.open(lock, os.O_RDONLY | BINARY | getattr(os, "O_NOFOLLOW", 0))
    except FileNotFoundError:
        return False
    except OSError as error:
        return f"its lock cannot be looked at: {error.strerror}"
    try:
        if not try_lock(descriptor):
            return True
        unlock(descriptor)
    except OSError as error:  # pragma: platform - file systems without locks refuse to be asked
        return f"its lock cannot be looked at: {error.strerror}"
    finally:
        os.close(descriptor)
    return False


def _told(name: str) -> str:
    return canonical.storable_text("".join(c if c.isprintable() else ascii(c)[1:-1] for c in name))
