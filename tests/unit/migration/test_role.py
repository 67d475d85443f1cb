from __future__ import annotations

import pytest

from soak_action.errors import UsageError
from soak_action.migration.role import Role, role_and_file


@pytest.mark.parametrize(
    ("word", "profile", "is_environment", "file"),
    [
        ("default=x.json", None, False, "x.json"),
        ("default=a=b c.json", None, False, "a=b c.json"),
        ("profile:nightly-2=x.json", "nightly-2", False, "x.json"),
        ("env=x.json", "env", True, "x.json"),
        ("env:ci=x.json", "ci", True, "x.json"),
        ("default.json", None, False, "default.json"),
        ("cfg/Defaults.soak.yml", None, False, "cfg/Defaults.soak.yml"),
        ("overrides.yaml", None, False, "overrides.yaml"),
        ("my-overrides.json", None, False, "my-overrides.json"),
        ("base.yaml", None, False, "base.yaml"),
        ("profile-nightly.yaml", "nightly", False, "profile-nightly.yaml"),
        ("nightly.profile.json", "nightly", False, "nightly.profile.json"),
        ("soak_profile_long_run.yaml", "long-run", False, "soak_profile_long_run.yaml"),
        ("old/profiles/smoke.json", "smoke", False, "old/profiles/smoke.json"),
        ("env.json", "env", True, "env.json"),
        ("soak.env.json", "env", True, "soak.env.json"),
    ],
)
def test_the_role_is_told(word, profile, is_environment, file):
    assert role_and_file(word) == (Role(profile, is_environment), file)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("settings.json", "settings.json: the name does not tell its role; write default=settings.json, "),
        ("profile.json", "the name does not tell its role; write "),
        ("profile-default.json", "the name fits several roles; write "),
        ("profiles/base.json", "the name fits several roles; write "),
        ("default-env.json", "the name fits several roles; write "),
        ("profile-9.json", "the name does not tell its role"),
        ("profile:=x", "say which profile; write profile:NAME=x"),
        ("profile=x", "say which profile; write profile:NAME=x"),
        ("profile:Big=x", "'Big' cannot be a profile"),
        ("env:=x", "'' cannot be a profile"),
        ("default:x=y", "the default has no name; write default=y"),
        ("env=", "name the file behind the equals sign"),
    ],
)
def test_a_role_that_is_not_plain_is_refused_with_what_to_write(word, message):
    with pytest.raises(UsageError) as refused:
        role_and_file(word)
    assert message in str(refused.value)


def test_a_role_is_told_in_words():
    assert [str(Role()), str(Role("a"))] == ["top level", "profile a"]
