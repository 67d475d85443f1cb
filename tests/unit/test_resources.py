"""Data files are found in a checkout and in an installed package."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from soak_action import resources
from soak_action.errors import SurroundingsError

TEXT = '{"type": "object"}\n'


def checkout(root: Path) -> Path:
    """A repository with a schema; returns its package directory."""
    package = root / "scripts" / "soak_action"
    package.mkdir(parents=True)
    (root / "schemas").mkdir()
    (root / "schemas" / "run.schema.json").write_text(TEXT, encoding="utf-8")
    return package


def installed(root: Path, text: str = TEXT) -> Path:
    """An installed package with a schema; returns its directory."""
    package = root / "site-packages" / "soak_action"
    (package / "_data" / "schemas").mkdir(parents=True)
    (package / "_data" / "schemas" / "run.schema.json").write_text(text, encoding="utf-8")
    return package


@pytest.mark.parametrize("layout", [checkout, installed])
def test_a_schema_is_found_in_both_layouts(layout: type, tmp_path: Path) -> None:
    package = layout(tmp_path)
    assert resources.schema("run", package) == {"type": "object"}
    assert resources.path("schemas", "run.schema.json", package=package).is_file()


def test_a_checkout_never_shows_data_left_over_from_a_build(tmp_path: Path) -> None:
    package = checkout(tmp_path)
    leftover = package / "_data" / "schemas"
    leftover.mkdir(parents=True)
    (leftover / "run.schema.json").write_text('{"old": true}', encoding="utf-8")
    assert resources.schema("run", package) == {"type": "object"}


def test_beside_an_installed_package_nothing_is_looked_for(tmp_path: Path) -> None:
    package = installed(tmp_path)
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "other.schema.json").write_text(TEXT, encoding="utf-8")
    with pytest.raises(SurroundingsError, match=r"schemas/other\.schema\.json is missing from this installation"):
        resources.schema("other", package)


def test_a_damaged_schema_is_named(tmp_path: Path) -> None:
    with pytest.raises(SurroundingsError, match=r"damaged: .*run\.schema\.json:1:1: "):
        resources.schema("run", installed(tmp_path, "oops"))


def test_an_unreadable_schema_is_named(tmp_path: Path) -> None:
    (tmp_path / "soak_action" / "_data" / "schemas" / "run.schema.json").mkdir(parents=True)
    with pytest.raises(SurroundingsError, match="cannot read"):
        resources.schema("run", tmp_path / "soak_action")


def test_a_schema_is_read_once(tmp_path: Path) -> None:
    package = installed(tmp_path)
    assert resources.schema("run", package) is resources.schema("run", package)


def test_this_checkout_has_its_schemas() -> None:
    assert resources.path("schemas") == Path(__file__).resolve().parents[2] / "schemas"
    assert "rfc8785" not in dir(sys.modules["soak_action.canonical"])
