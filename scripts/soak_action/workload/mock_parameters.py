"""The parameters that the mock reacts to, as it reads them from the file SOAK_PARAMS, and what they do to its numbers.

A longer `min_interval_ms` (neutral: 70) and a smaller `impact_cap_ratio` (neutral: 0.09) make it more careful: less
risk and less adverse movement, and a little less gain. With

    caution = limit((min_interval_ms - 70) / 10) + limit((0.09 - impact_cap_ratio) / 0.01)

where `limit` keeps a number between -5 and 5, every net_bps is 0.1 * caution lower, every adverse_bps 0.15 * caution
and every risk_ratio 0.03 * caution, which stays between 0 and 1. The draws are the same whatever the parameters say.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from soak_action import canonical
from soak_action.canonical import CanonicalError
from soak_action.errors import UsageError
from soak_action.files import surroundings
from soak_action.system import NotRegularError, open_regular

INTERVAL, NEUTRAL_INTERVAL_MS, INTERVAL_UNIT_MS = "min_interval_ms", 70.0, 10.0
CAP, NEUTRAL_CAP, CAP_UNIT = "impact_cap_ratio", 0.09, 0.01
MOST_CAUTION_OF_ONE = 5.0
NET_BPS, ADVERSE_BPS, RISK_RATIO = -0.1, -0.15, -0.03  # for each unit of caution
LARGEST_FILE = 1024**2


@dataclass(frozen=True)
class Shift:
    """How far the parameters move the means: bps, bps, and a ratio."""

    net_bps: float = 0.0
    adverse_bps: float = 0.0
    risk_ratio: float = 0.0


NEUTRAL = Shift()


@dataclass(frozen=True)
class MockParameters:
    """What the mock read: how it shifts the numbers, and the SHA-256 of the bytes, in hexadecimal."""

    shift: Shift
    digest: str


def shift_of(interval_ms: float = NEUTRAL_INTERVAL_MS, cap: float = NEUTRAL_CAP) -> Shift:
    """Return what the two parameters do to the means."""
    caution = _limited((interval_ms - NEUTRAL_INTERVAL_MS) / INTERVAL_UNIT_MS) + _limited(
        (NEUTRAL_CAP - cap) / CAP_UNIT
    )
    return Shift(NET_BPS * caution, ADVERSE_BPS * caution, RISK_RATIO * caution)


def read(path: Path) -> MockParameters:
    """Read the file of the parameters, once.

    Each of the two counts under its own name, and likewise as the last part of a nested or dotted one; without it the
    neutral value holds. Raises UsageError when the file is missing or says nothing clear, and SurroundingsError when
    it cannot be read.
    """
    data = _content(path)
    try:
        document = canonical.parse(data, str(path))
    except CanonicalError as error:
        raise UsageError(f"the parameters (SOAK_PARAMS) cannot be read: {error}") from None
    if not isinstance(document, Mapping):
        raise UsageError(f'{path} (SOAK_PARAMS) holds no parameters: write a mapping, such as {{"{INTERVAL}": 70}}')
    values = list(_flat(document))
    shift = shift_of(
        _value(values, INTERVAL, NEUTRAL_INTERVAL_MS, path),
        _value(values, CAP, NEUTRAL_CAP, path),
    )
    return MockParameters(shift, canonical.digest_of_bytes(data))


def _content(path: Path, opened: Callable[[Path], BinaryIO] = open_regular) -> bytes:
    try:
        with opened(Path(os.path.realpath(path))) as file:
            data = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise UsageError(f"SOAK_PARAMS names {path}, which does not exist: write it, or unset SOAK_PARAMS") from None
    except NotRegularError:
        raise UsageError(f"SOAK_PARAMS names {path}, which is not a file: name one, or unset SOAK_PARAMS") from None
    except ValueError:
        raise UsageError("SOAK_PARAMS is not the path of a file: name one, or unset SOAK_PARAMS") from None
    except OSError as error:
        raise surroundings(error, f"read the parameters {path}") from error
    if len(data) > LARGEST_FILE:
        raise UsageError(f"{path} (SOAK_PARAMS) is larger than {LARGEST_FILE} bytes: these are no parameters")
    return data


def _flat(mapping: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in mapping.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _value(values: list[tuple[str, Any]], wanted: str, neutral: float, path: Path) -> float:
    found = [(name, value) for name, value in values if f".{name}".endswith(f".{wanted}")]
    for name, value in found:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UsageError(f"{path} (SOAK_PARAMS): {_shown(name)} is no number: write one, such as {neutral:g}")
    if len({value for _, value in found}) > 1:
        told = " and ".join(f"{name} is {value}" for name, value in found)
        raise UsageError(f"{path} (SOAK_PARAMS): {_shown(told)}: write {wanted} once")
    return float(found[0][1]) if found else neutral


def _shown(text: str) -> str:
    from soak_action.config.wording import shortened  # brings YAML with it, which takes its time

    return shortened(text, 200)


def _limited(caution: float) -> float:
    return max(-MOST_CAUTION_OF_ONE, min(MOST_CAUTION_OF_ONE, caution))
