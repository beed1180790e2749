from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tap_klaviyo.tap import TapKlaviyo
from target_klaviyo.target import TargetKlaviyo

PROJECT = Path(__file__).resolve().parent.parent
KINDS = {"string": "string", "integer": "integer", "boolean": "boolean", "object": "object"}


def plugin(name: str) -> dict[str, Any]:
    plugins = yaml.safe_load((PROJECT / "meltano.yml").read_text())["plugins"]
    found = [one for kind in plugins.values() for one in kind if one["name"] == name]
    return dict(found[0])


def own_settings(schema: Mapping[str, Any], builtin: Mapping[str, Any]) -> dict[str, Any]:
    return {name: part for name, part in schema["properties"].items() if name not in builtin}


def builtin_settings(plugin_class: type[TapKlaviyo | TargetKlaviyo]) -> dict[str, Any]:
    schema: dict[str, Any] = {"properties": {}}
    plugin_class.append_builtin_config(schema)
    return dict(schema["properties"])


@pytest.mark.parametrize("plugin_class", [TapKlaviyo, TargetKlaviyo])
def test_meltano_knows_every_setting_as_it_is(
    plugin_class: type[TapKlaviyo | TargetKlaviyo],
) -> None:
    declared = {one["name"]: one for one in plugin(plugin_class.name)["settings"]}
    known = own_settings(plugin_class.config_jsonschema, builtin_settings(plugin_class))
    assert set(declared) == set(known)
    for name, part in known.items():
        assert declared[name].get("sensitive", False) == part.get("secret", False), name
        types = part["type"] if isinstance(part["type"], list) else [part["type"]]
        wanted = {KINDS.get(one, one) for one in types} - {"null"}
        kind = declared[name]["kind"]
        assert (
            (kind in wanted)
            or (kind == "options" and "enum" in part)
            or (kind == "array" and "array" in types)
        ), name
        if "value" in declared[name]:
            assert declared[name]["value"] == part.get("default"), name


@pytest.mark.parametrize("plugin_class", [TapKlaviyo, TargetKlaviyo])
def test_meltano_knows_the_capabilities(plugin_class: type[TapKlaviyo | TargetKlaviyo]) -> None:
    known = {one.value for one in plugin_class.capabilities}
    assert set(plugin(plugin_class.name)["capabilities"]) == known


def test_the_tables_of_the_readme_come_from_the_code() -> None:
    script = PROJECT / "scripts" / "generate_docs.py"
    command = [sys.executable, str(script), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_readme_begins_with_the_two_commands() -> None:
    blocks = re.findall(r"```sh\n(.*?)```", (PROJECT / "README.md").read_text(), re.DOTALL)
    assert [block.strip() for block in blocks[:2]] == ["scripts/demo", "scripts/test"]
