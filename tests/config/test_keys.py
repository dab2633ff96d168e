from __future__ import annotations

from firstlight.config import aliases, keys


def test_every_key_has_a_meaning_and_says_what_it_takes() -> None:
    for section, inside in keys.sections().items():
        for path in [(section,), *((section, key) for key in inside)]:
            assert keys.meaning(path)
            assert keys.allowed(path)


def test_a_seed_and_a_choice_say_their_limits() -> None:
    assert keys.allowed(("seed",)) == "a whole number at least 0 and at most 4,294,967,295"
    assert keys.allowed(("optimizer", "name")) == "adamw, sgd, muon"
    assert keys.allowed(("model", "width")) == "a number above 0 or null"


def test_aliases_lead_to_keys_and_hide_none() -> None:
    for alias, real in aliases.KEYS.items():
        assert keys.is_key(real)
        assert not keys.is_key(alias)
    assert not set(aliases.SECTIONS) & set(keys.sections())
    assert set(aliases.SECTIONS.values()) <= set(keys.sections())
