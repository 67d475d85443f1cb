"""Durations, sizes, shares and rates: strict to read, short to write.

Everything is read into seconds, bytes and plain ratios. What cannot be read is refused with what to write instead.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

MILLISECONDS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
BYTES = {
    "B": 1,
    **{f"{prefix}B": 1000**power for power, prefix in enumerate("kMGT", start=1)},
    "KB": 1000,
    **{f"{prefix}iB": 1024**power for power, prefix in enumerate("KMGT", start=1)},
}
LONGEST_SECONDS = 36_500 * 86_400
LARGEST_SIZE = 2**63 - 1

_NUMBER = r"[0-9]{1,18}(?:\.[0-9]{1,18})?"
_COMPOUND = re.compile("".join(rf"(?:(?P<{unit}>[0-9]{{1,18}}){unit}(?![a-z]))?" for unit in MILLISECONDS))
_DECIMAL = re.compile(rf"({_NUMBER})({'|'.join(MILLISECONDS)})")
_SIZE = re.compile(rf"({_NUMBER})({'|'.join(BYTES)})")
_SHARE = re.compile(rf"({_NUMBER})%")
_PLAIN = re.compile(_NUMBER)
_WORDS = {
    "ms": "msec msecs millisecond milliseconds",
    "s": "sec secs second seconds",
    "m": "min mins minute minutes",
    "h": "hr hrs hour hours",
    "d": "day days",
    "iteration": "iter iters iterations it",
}
_UNIT_OF_WORD = {word: unit for unit, words in _WORDS.items() for word in words.split()}
_UNIT_OF_WORD.update({unit: unit for unit in _WORDS})
_UNIT_OF_LETTERS = {unit.lower(): unit for unit in BYTES if unit != "KB"}
_UNIT_OF_LETTERS.update({unit[0].lower(): unit for unit in ("B", "kB", "MB", "GB", "TB")})
_UNIT_OF_LETTERS.update({unit[:-1].lower(): unit for unit in ("KiB", "MiB", "GiB", "TiB")})


class UnitError(ValueError):
    """A text that is not the quantity it should be; the message shows what to write."""


@dataclass(frozen=True)
class Rate:
    """A change per second or per iteration: bytes, a share (0.01 is 1%) or a plain number."""

    amount: float
    kind: Literal["bytes", "share", "number"]
    per: Literal["second", "iteration"]


def parse_duration(text: str) -> float:
    """Return the seconds of a text like ``30s``, ``1h30m``, ``1.5h`` or ``500ms``.

    Each unit stands at most once, larger ones first; a decimal point is possible when there is only one unit.
    Raises UnitError.
    """
    milliseconds = _milliseconds(text)
    if milliseconds is None:
        raise _error(text, "a duration", "30s, 5m, 1h30m or 500ms", _duration_meant(text))
    seconds = float(milliseconds / 1000)
    if seconds > LONGEST_SECONDS:
        raise UnitError(f"{text!r} is too long for a duration; write at most {LONGEST_SECONDS // 86_400}d")
    return seconds


def parse_size(text: str) -> int:
    """Return the bytes of a text like ``512B``, ``10MB`` (powers of 1000) or ``1.5GiB`` (powers of 1024), rounded.

    Raises UnitError.
    """
    size = _bytes(text)
    if size is None:
        raise _error(text, "a size", "512B, 10MB or 1.5GiB", _size_meant(text))
    if size > LARGEST_SIZE:
        raise UnitError(f"{text!r} is too large for a size; write at most {LARGEST_SIZE}B")
    return round(size)


def parse_share(text: str) -> float:
    """Return the ratio of a percentage: ``5%`` is 0.05 and ``250%`` is 2.5. Raises UnitError."""
    share = _share(text)
    if share is None:
        raise _error(text, "a share", "5%, 0.5% or 150%", _share_meant(text))
    return float(share)


def parse_rate(text: str) -> Rate:
    """Return the rate of a text like ``5MiB/h``, ``1%/h``, ``0.2/iteration`` or ``1/h``. Raises UnitError."""
    rate = _rate(text)
    if rate is None:
        raise _error(text, "a rate", "5MiB/h, 1%/h or 0.2/iteration", _rate_meant(text))
    return rate


def format_duration(seconds: float) -> str:
    """Return seconds for people, as parse_duration reads it: ``1h30m``, ``2m5s``, ``1.5s``, ``500ms``.

    Exact to the millisecond; less than a millisecond keeps its significant digits; a negative duration has a sign.
    """
    if not math.isfinite(seconds):
        return str(seconds)
    if seconds < 0:
        return f"-{format_duration(-seconds)}"
    if 0 < seconds < 0.001:
        return f"{format_number(seconds * 1000)}ms"
    rest = round(seconds * 1000)
    if rest < 1000:
        return f"{rest}ms" if rest else "0s"
    if rest < 60_000:
        return f"{_trimmed(f'{rest // 1000}.{rest % 1000:03d}')}s"
    parts = []
    for unit, size in MILLISECONDS.items():
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def format_size(size: float) -> str:
    """Return bytes for people, in powers of 1024: ``1.5 KiB``."""
    from humanize import naturalsize

    return naturalsize(size, binary=True)


def format_number(number: float) -> str:
    """Return a number for people: about six significant digits, never fewer than its whole part.

    Thousands are separated from 10,000 on; an exponent appears only below 1e-9 and from 1e15 on.
    """
    if not math.isfinite(number):
        return str(number)
    magnitude = abs(number)
    if magnitude == 0:
        return "0"
    if not 1e-9 <= magnitude < 1e15:
        return f"{number:.6g}"
    decimals = max(0, 5 - math.floor(math.log10(magnitude)))
    rounded = round(number, decimals)
    separator = "," if abs(rounded) >= 10_000 else ""
    return _trimmed(f"{rounded:{separator}.{decimals}f}")


def counted(number: int, noun: str) -> str:
    """Return how many of something there are, in words: ``1 slot``, ``3 slots``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _error(text: str, what: str, examples: str, meant: str | None) -> UnitError:
    shown = text if len(text) <= 60 else f"{text[:60]}..."
    hint = f" - did you mean '{meant}'?" if meant else ""
    return UnitError(f"{shown!r} is not {what}; write for example {examples}{hint}")


def _milliseconds(text: str) -> Decimal | None:
    single = _DECIMAL.fullmatch(text)
    if single:
        return Decimal(single[1]) * MILLISECONDS[single[2]]
    compound = _COMPOUND.fullmatch(text)
    if not compound or not text:
        return None
    return Decimal(sum(int(count) * MILLISECONDS[unit] for unit, count in compound.groupdict("0").items()))


def _bytes(text: str) -> Decimal | None:
    match = _SIZE.fullmatch(text)
    return Decimal(match[1]) * BYTES[match[2]] if match else None


def _share(text: str) -> Decimal | None:
    match = _SHARE.fullmatch(text)
    return Decimal(match[1]) / 100 if match else None


def _rate(text: str) -> Rate | None:
    amount, _, per = text.partition("/")
    if per != "iteration" and per not in MILLISECONDS:
        return None
    value = _amount(amount)
    if value is None:
        return None
    number, kind = value
    if per == "iteration":
        return Rate(float(number), kind, "iteration")
    return Rate(float(number * 1000 / MILLISECONDS[per]), kind, "second")


def _amount(text: str) -> tuple[Decimal, Literal["bytes", "share", "number"]] | None:
    size, share = _bytes(text), _share(text)
    if size is not None:
        return size, "bytes"
    if share is not None:
        return share, "share"
    return (Decimal(text), "number") if _PLAIN.fullmatch(text) else None


def _tidy(text: str) -> str:
    # A sensible suggestion for something enormous does not exist, and reading it would cost time.
    return re.sub(r"\s+", "", text) if len(text) <= 60 and text.isascii() else ""


def _duration_meant(text: str) -> str | None:
    tidy = re.sub(r"\band\b|,", "", text) if len(text) <= 60 else ""
    tidy = _tidy(tidy).lower()
    if _PLAIN.fullmatch(tidy):
        return f"{tidy}s"
    parts = re.findall(rf"({_NUMBER})([a-z]+)", tidy)
    if "".join(map("".join, parts)) != tidy or any(unit not in _UNIT_OF_WORD for _, unit in parts):
        return None
    counts = {_UNIT_OF_WORD[unit]: count for count, unit in parts}
    meant = "".join(f"{counts[unit]}{unit}" for unit in MILLISECONDS if unit in counts)
    return meant if len(counts) == len(parts) and _milliseconds(meant) is not None else None


def _size_meant(text: str) -> str | None:
    tidy = _tidy(text)
    match = re.fullmatch(rf"({_NUMBER})([A-Za-z]*)", tidy)
    if not match:
        return None
    letters = match[2].lower().removesuffix("ytes").removesuffix("yte")
    unit = _UNIT_OF_LETTERS.get(letters or "b")
    return f"{match[1]}{unit}" if unit else None


def _share_meant(text: str) -> str | None:
    number = re.sub(r"(?:%|percent|pct)$", "", _tidy(text).lower())
    if not _PLAIN.fullmatch(number):
        return None
    if number == _tidy(text) and "." in number and Decimal(number) < 1:
        return f"{_trimmed(format(Decimal(number) * 100, 'f'))}%"
    return f"{number}%"


def _rate_meant(text: str) -> str | None:
    if len(text) > 60:
        return None
    amount, _, per = re.sub(r"\s+per\s+", "/", text).partition("/")
    tidy = _tidy(amount)
    unit = _UNIT_OF_WORD.get(_tidy(per).lower() if per else "h")
    candidates = (tidy, _size_meant(amount), _share_meant(amount))
    known = next((candidate for candidate in candidates if candidate and _amount(candidate)), None)
    return f"{known}/{unit}" if known and unit else None
