"""The servers that KPIs are read from: asked in each iteration, and their answers kept as evidence."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from threading import Thread
from typing import Literal

from soak_action.config.model import HttpSource, Kpi
from soak_action.evidence.run_dir import IterationDir
from soak_action.files import make_directory, surroundings
from soak_action.kpi.answers import Answers, needs_beginning
from soak_action.workload.stop import StopRequest

_LONGEST_ANSWER = 5.0
_GLANCE = 0.05
_OK = 200

Moment = Literal["begin", "end"]


class Servers:
    """The answers of one iteration; they reach the disk when the workload cannot change them any more."""

    def __init__(self, kpis: Sequence[Kpi], folder: IterationDir, stop: StopRequest) -> None:
        self._folder = folder
        self._stop = stop
        sources = _sources(kpis)
        counting = {source.url for source in sources if needs_beginning(source)}
        self._urls = _urls(kpis)
        self._counting = [url for url in self._urls if url in counting]
        self._found: dict[tuple[str, Moment], bytes | str] = {}

    def ask(self, moment: Moment) -> None:
        """Ask all servers at once, at the beginning only those that a counter may be read from."""
        urls = self._counting if moment == "begin" else self._urls
        threads = [Thread(target=self._ask, args=(url, moment), name="soak-ask", daemon=True) for url in urls]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive() and not self._stop.requested:
                thread.join(_GLANCE)

    def keep(self) -> Mapping[str, Answers]:
        """Write the answers to the iteration's folder and return them by URL. Raises SurroundingsError."""
        found = dict(self._found)
        place = self._folder.answers
        # Only the workload can have put anything there, such as a link or a pipe that would lead the answers astray.
        _remove(place)
        if any(isinstance(answer, bytes) for answer in found.values()):
            make_directory(place)
        kept = {}
        for number, url in enumerate(self._urls, 1):
            begin, end = self._folder.answer(number, "begin"), self._folder.answer(number, "end")
            failures = {}
            for file, answer in ((begin, found.get((url, "begin"))), (end, found.get((url, "end")))):
                if isinstance(answer, bytes):
                    _write(file, answer)
                elif answer is not None:
                    failures[file] = answer
            kept[url] = Answers(begin, end, failures)
        return kept

    def _ask(self, url: str, moment: Moment) -> None:
        from soak_action.workload.fetch import FetchError, fetch

        try:
            answer = fetch(url, _LONGEST_ANSWER)
        except FetchError as error:
            self._found[url, moment] = f"at the iteration's {moment}: {error}"
            return
        is_ok = answer.status == _OK
        self._found[url, moment] = answer.body if is_ok else f"at the iteration's {moment}: status {answer.status}"


def kept_answers(kpis: Sequence[Kpi], folder: IterationDir) -> Mapping[str, Answers]:
    """Return the answers that were kept of an iteration that was measured earlier, by URL."""
    numbered = enumerate(_urls(kpis), 1)
    return {url: Answers(folder.answer(number, "begin"), folder.answer(number, "end")) for number, url in numbered}


def _sources(kpis: Iterable[Kpi]) -> list[HttpSource]:
    return [kpi.source for kpi in kpis if isinstance(kpi.source, HttpSource)]


def _urls(kpis: Iterable[Kpi]) -> list[str]:
    return list(dict.fromkeys(source.url for source in _sources(kpis)))


def _remove(place: Path) -> None:
    try:
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)
    except OSError as error:
        raise surroundings(error, f"remove {place}") from error


def _write(file: Path, answer: bytes) -> None:
    try:
        with file.open("xb") as opened:
            opened.write(answer)
    except OSError as error:
        raise surroundings(error, f"write {file}") from error
