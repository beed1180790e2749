from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from klaviyo_sandbox import ManualClock, Sandbox
from tap_klaviyo.options import stream_options
from tap_klaviyo.reports_declared import all_reports
from tap_klaviyo.schema_files import marked_schema
from tap_klaviyo.specs import STREAMS
from tap_klaviyo.tap import TapKlaviyo
from target_klaviyo.target import TargetKlaviyo
from tests.tap.reporting_runs import run_reports

PROJECT = Path(__file__).resolve().parent.parent
KINDS = {name: name for name in ("string", "integer", "boolean", "object")} | {"number": "decimal"}


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


def test_meltano_selects_what_costs_nothing_more_and_what_its_loader_takes() -> None:
    """`*.*` would select all, also what discovery does not, and it knows no other defaults."""
    columns = {f"!{spec.name}.{name}" for spec in STREAMS for name in spec.unselected}
    reports = {f"!{report.name}.*" for report in all_reports({}, ())}
    only_keys = {
        f"!{spec.name}.*"
        for spec in STREAMS
        if set(marked_schema(spec)["properties"]) == set(spec.primary_keys)
    }
    chosen = plugin("tap-klaviyo")["select"]
    assert sorted(chosen) == sorted({"*.*", *columns, *reports, *only_keys})


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


def readme_settings(key: str) -> dict[str, Any]:
    """The settings in the README that have a certain key."""
    blocks = re.findall(r"```json\n(.*?)```", (PROJECT / "README.md").read_text(), re.DOTALL)
    return next(found for block in blocks if key in (found := json.loads(block)))


def test_the_readmes_settings_of_the_tap_are_taken() -> None:
    assert stream_options(readme_settings("stream_options"))["events"].lookback_days == 3


def test_the_readmes_reports_are_read() -> None:
    settings = readme_settings("reports")
    clock = ManualClock(1_772_000_000.0)  # in February 2026
    with Sandbox(profiles=20, events=200, traps=False, clock=clock) as sandbox:
        run = run_reports(sandbox, *settings.pop("reports"), **settings)
    assert not run.error
    for name in ("campaign_days", "flow_days", "signups", "revenue"):
        assert run.records(name), name
    assert {"attributed_flow", "count", "sum_value"} <= set(run.records("revenue")[0])


def test_the_readmes_settings_of_the_target_load_the_examples(tmp_path: Path) -> None:
    (tmp_path / "orders.json").write_text(json.dumps(readme_settings("streams")))
    orders = f"orders={PROJECT / 'examples' / 'orders.csv'}"
    command = [sys.executable, "-m", "target_klaviyo.csv_rows", orders, "--key", "order_id"]
    rows = subprocess.run(command, capture_output=True, check=True).stdout
    with Sandbox(profiles=0, events=0, limits=False) as sandbox:
        own = {"TARGET_KLAVIYO_API_URL": sandbox.url, "TARGET_KLAVIYO_API_KEY": "pk_test"}
        done = subprocess.run(
            [sys.executable, "-m", "target_klaviyo", "--config", "orders.json"],
            input=rows,
            cwd=tmp_path,
            env=os.environ | own,
            capture_output=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr.decode()
    assert b"accepted 398" in done.stderr


def test_the_readme_begins_with_the_two_commands() -> None:
    blocks = re.findall(r"```sh\n(.*?)```", (PROJECT / "README.md").read_text(), re.DOTALL)
    assert [block.strip() for block in blocks[:2]] == ["scripts/demo", "scripts/test"]
