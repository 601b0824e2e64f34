"""Where a setting comes from, and what is said about one that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import InputError
from streams.config.load import config_fields, line_of, load_config
from streams.config.sections import EngineConfig

TOML = """# a comment
[quality]
publish_s = 30

[policies.fastest]
tolerance_bps = 2.5
max_levels = 3

[policies.preferred]
preferred = ["BBB", "AAA"]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a configuration file."""
    path = tmp_path / "engine.toml"
    path.write_text(TOML)
    return path


def test_without_anything_all_is_default() -> None:
    assert load_config() == EngineConfig()


def test_the_shipped_file_names_every_key_at_its_default(root: Path) -> None:
    path = root / "deploy" / "config" / "replay.toml"
    assert load_config(path) == EngineConfig()
    text = path.read_text()
    missing = [name for name, _ in config_fields() if line_of(text, name) == 1]
    assert missing == []


def test_a_file_sets_keys(file: Path) -> None:
    config = load_config(file)
    assert config.quality.publish_s == 30
    assert config.policies.fastest.tolerance_bps == 2.5
    assert config.policies.preferred.preferred == ("BBB", "AAA")
    assert config.policies.fastest.split is True, "a key that is not named keeps its default"
    assert config.policies.lowest_cost == EngineConfig().policies.lowest_cost


def test_command_line_beats_environment_beats_file(file: Path) -> None:
    environment = {
        "SOR__QUALITY__PUBLISH_S": "20",
        "SOR__POLICIES__FASTEST__MAX_LEVELS": "4",
        "SOR__POLICIES__FASTEST__SPLIT": "false",
        "HOME": "elsewhere",
    }
    config = load_config(file, environment, ("quality.publish_s=10", "run.shards = 2"))
    assert config.quality.publish_s == 10
    assert config.policies.fastest.max_levels == 4
    assert config.policies.fastest.split is False
    assert config.policies.fastest.tolerance_bps == 2.5
    assert config.run.shards == 2


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("publsh_s = 3", r"engine.toml:4: unknown key `quality.publsh_s`.* is `publish_s`"),
        ("publish_s = -1", r"engine.toml:4: `quality.publish_s`: expected `int` >= 0"),
        ('publish_s = "often"', r"engine.toml:4: `quality.publish_s`: expected `int`"),
        ("fill_prior = 1.5", r"engine.toml:4: `quality.fill_prior`: expected `float` <= 1.0"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "engine.toml"
    path.write_text(f"# one\n# two\n[quality]\n{line}\n")
    with pytest.raises(InputError, match=message):
        load_config(path)


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("qualty.publish_s=1", r"--set qualty.publish_s=1: unknown key `qualty`.* is `quality`"),
        ("quality", "write it as section.key=value"),
        ("quality=3", "`quality` is a table, not a value"),
        ("quality.publish_s.deep=3", "`quality.publish_s` is a value, not a table"),
        ("markouts.horizons_ms=[50, 50, 60, 70]", r"`markouts.horizons_ms`: .* must rise"),
        ("markouts.horizons_ms=[1, 2, 3]", r"`markouts.horizons_ms`: expected `array` of length 4"),
        ("markouts.horizons_ms=[0, 1, 2, 3]", r"`markouts.horizons_ms`: expected `int` >= 1"),
        ("health.clean_run=500", r"--set health.clean_run=500: .*health.clean_run_max.* above 160"),
        ("health.clean_run_max=5", r"--set health.clean_run_max=5: .*: 10 is above 5"),
        ("quality.near_ticks=0", r"`quality.near_ticks`: expected `int` >= 1"),
        ("health.stale_floor=1", r"unknown key `health.stale_floor`.* is `stale_floor_ms`"),
        ("limits.collar_bps=0", r"`limits.collar_bps`: expected `float` > 0.0"),
    ],
)
def test_a_wrong_assignment_is_named(assignment: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_config(None, {}, (assignment,))


def test_a_wrong_variable_is_named() -> None:
    with pytest.raises(InputError, match=r"SOR__LIMITS__COLAR_BPS: unknown key `limits.colar_bps`"):
        load_config(None, {"SOR__LIMITS__COLAR_BPS": "1"})


def test_an_unknown_table_is_named_at_its_line(tmp_path: Path) -> None:
    path = tmp_path / "engine.toml"
    path.write_text("[limits]\ncollar_bps = 10\n\n[polices.fastest]\nsplit = true\n")
    with pytest.raises(InputError, match=r"engine.toml:5: unknown key `polices`.* is `policies`"):
        load_config(path)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "engine.toml"
    with pytest.raises(InputError, match="cannot read the configuration"):
        load_config(path)
    path.write_text("[limits\n")
    with pytest.raises(InputError, match="not TOML"):
        load_config(path)
