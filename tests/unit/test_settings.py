"""Settings of the environment: what cannot be used is an error of the library that names the variable."""

from __future__ import annotations

import pytest

from koku_core import Koku
from koku_core.errors import SettingError
from koku_core.settings import Settings


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("KOKU_CLOCK", "yesterday", "Setting KOKU_CLOCK: 'yesterday': "),
        ("KOKU_POOL_SIZE", "1", "Setting KOKU_POOL_SIZE: '1': Input should be greater"),
        ("KOKU_RETAIN_MONTHS", "many", "Setting KOKU_RETAIN_MONTHS: 'many': "),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingError) as raised:
        Koku.open("postgresql://nobody@127.0.0.1:1/x")
    assert str(raised.value).startswith(said)
    assert raised.value.facts["setting"] == name


def test_every_setting_says_what_it_is() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
