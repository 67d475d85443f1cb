from __future__ import annotations

import pytest

from soak_action.migration.masked import masked_text

DATA = {"workload": {"env": {"API_TOKEN": "hunter22", "KEY": "abc", "LOG": "abc", "CERT_KEY": "line one\nline two\n"}}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("API_TOKEN: hunter22 # mine", "API_TOKEN: ***"),
        ('"API_TOKEN" : "hunter22"', '"API_TOKEN" : ***'),
        ("env: {LOG: abc, API_TOKEN: hunter22}", "env: {LOG: abc, API_TOKEN: ***"),
        ("KEY: abc\nLOG: abc\n", "KEY: ***\nLOG: abc\n"),
        ("# it is hunter22", "# it is ***"),
        ("CERT_KEY: |\n  line one\n  line two\n", "CERT_KEY: |\n  ***\n  ***\n"),
        ("MY_API_TOKEN: x", "MY_API_TOKEN: x"),
    ],
)
def test_secrets_are_masked_wherever_they_stand(text, expected):
    assert masked_text(text, DATA) == expected


def test_a_configuration_without_secrets_is_shown_as_it_is():
    assert masked_text("a: b", {"a": "b"}) == "a: b"
