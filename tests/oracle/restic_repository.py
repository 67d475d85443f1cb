"""Writes a restic repository that holds nothing but snapshots: restic itself needs a second for each of them.

The format is the one that restic describes in its design document: AES-256 in counter mode, authenticated with
Poly1305-AES, below a key that scrypt derives from the password. One nonce serves for everything, since nothing here is
secret, and so one key stream is enough.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

PASSWORD = "open"
_NONCE = bytes(range(16))
_SALT = bytes(64)
_LONGEST = 4096
_PRIME = 2**130 - 5
_CLAMP = 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
# An irreducible polynomial, as restic asks for; nothing is cut into chunks here.
_POLYNOMIAL = "3DA3358B4DC173"


def doubled(value: int) -> int:
    """Return twice a value in the field of AES."""
    return (value << 1) ^ (0x11B if value & 0x80 else 0)


def substitutions() -> bytes:
    """Return the S-box: of each byte the inverse in the field, its bits mixed."""
    powers = [1]
    for _ in range(254):
        powers.append(powers[-1] ^ doubled(powers[-1]))
    table = bytearray(256)
    for value in range(256):
        inverse = powers[-powers.index(value) % 255] if value else 0
        mixed = 0x63
        for turn in range(5):
            mixed ^= (inverse << turn | inverse >> (8 - turn)) & 0xFF
        table[value] = mixed
    return bytes(table)


BOX = substitutions()


def round_keys(key: bytes) -> list[bytes]:
    words = [key[start : start + 4] for start in range(0, len(key), 4)]
    width = len(words)
    constant = 1
    while len(words) < 4 * (width + 7):
        word = words[-1]
        if len(words) % width == 0:
            word = bytes(BOX[byte] for byte in word[1:] + word[:1])
            word = bytes([word[0] ^ constant]) + word[1:]
            constant = doubled(constant)
        elif width > 6 and len(words) % width == 4:
            word = bytes(BOX[byte] for byte in word)
        words.append(bytes(a ^ b for a, b in zip(words[-width], word, strict=True)))
    return [b"".join(words[start : start + 4]) for start in range(0, len(words), 4)]


def mixed_column(column: Sequence[int]) -> list[int]:
    everything = column[0] ^ column[1] ^ column[2] ^ column[3]
    return [column[row] ^ everything ^ doubled(column[row] ^ column[(row + 1) % 4]) for row in range(4)]


def encrypt_block(key: bytes, block: bytes) -> bytes:
    """Return 16 bytes encrypted with AES."""
    first, *middle, last = round_keys(key)
    state = [a ^ b for a, b in zip(block, first, strict=True)]
    for number, round_key in enumerate([*middle, last], 1):
        shifted = [BOX[state[(place + 4 * (place % 4)) % 16]] for place in range(16)]
        if number <= len(middle):
            shifted = [byte for start in range(0, 16, 4) for byte in mixed_column(shifted[start : start + 4])]
        state = [a ^ b for a, b in zip(shifted, round_key, strict=True)]
    return bytes(state)


@dataclass(frozen=True)
class Key:
    """What restic encrypts and authenticates with."""

    encrypt: bytes
    mac: bytes
    mask: bytes

    def sealed(self, data: bytes) -> bytes:
        stream = key_stream(self.encrypt)
        assert len(data) <= len(stream)
        hidden = bytes(a ^ b for a, b in zip(data, stream, strict=False))
        return _NONCE + hidden + self._authenticated(hidden)

    def _authenticated(self, data: bytes) -> bytes:
        factor = int.from_bytes(self.mask, "little") & _CLAMP
        total = 0
        for start in range(0, len(data), 16):
            total = (total + int.from_bytes(data[start : start + 16] + b"\1", "little")) * factor % _PRIME
        secret = int.from_bytes(encrypt_block(self.mac, _NONCE), "little")
        return ((total + secret) % 2**128).to_bytes(16, "little")

    def to_dict(self) -> dict[str, Any]:
        return {"mac": {"k": text(self.mac), "r": text(self.mask)}, "encrypt": text(self.encrypt)}


_streams: dict[bytes, bytes] = {}


def key_stream(key: bytes) -> bytes:
    if key not in _streams:
        first = int.from_bytes(_NONCE, "big")
        blocks = (encrypt_block(key, (first + number).to_bytes(16, "big")) for number in range(_LONGEST // 16))
        _streams[key] = b"".join(blocks)
    return _streams[key]


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


MASTER = Key(bytes(range(32)), bytes(range(16)), bytes(range(16)))


class Repository:
    """A repository in `path`, whose snapshots are identified by the tree that they are of."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._numbers = count(1)
        for name in ("data", "index", "keys", "locks", "snapshots"):
            (path / name).mkdir(parents=True)
        config = {"version": 1, "id": "1" * 64, "chunker_polynomial": _POLYNOMIAL}
        (path / "config").write_bytes(MASTER.sealed(json.dumps(config).encode()))
        derived = hashlib.scrypt(PASSWORD.encode(), salt=_SALT, n=2, r=1, p=1, dklen=64)
        user = Key(derived[:32], derived[32:48], derived[48:])
        key = {"kdf": "scrypt", "N": 2, "r": 1, "p": 1, "salt": text(_SALT), "created": "2020-01-01T00:00:00Z"}
        self._store(
            "keys", json.dumps(key | {"data": text(user.sealed(json.dumps(MASTER.to_dict()).encode()))}).encode()
        )

    def add(self, host: str, time: str, tags: Sequence[str]) -> str:
        """Add a snapshot and return the tree that it is of."""
        tree = f"{next(self._numbers):064x}"
        snapshot = {"time": time, "tree": tree, "paths": ["/soak"], "hostname": host, "username": "soak"}
        self._store("snapshots", MASTER.sealed(json.dumps({**snapshot, "tags": list(tags)}).encode()))
        return tree

    def _store(self, folder: str, content: bytes) -> None:
        (self.path / folder / hashlib.sha256(content).hexdigest()).write_bytes(content)
