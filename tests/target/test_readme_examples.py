"""The README's example of each sink, run as it stands there."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from klaviyo_sandbox.sandbox import Sandbox
from tests import processes
from tests.target.running import Run, load, records, run_target, schema

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()
SECTION = README.partition("### Examples\n")[2].partition("\n### ")[0]
# Heading, settings, rows.
EXAMPLES = re.findall(
    r"#### (.*?)\n(?:(?!####).)*?```json\n(.*?)```\n\n```csv\n(.*?)```", SECTION, re.DOTALL
)
SHIRT = {"external_id": "shirt-1", "title": "Shirt", "description": "Light", "url": "https://s.dev"}
PEOPLE = [{"email": f"{name}@shop.example.org"} for name in ("ann", "bob")]


SMALL = {
    **SHIRT,
    "external_id": "shirt-1-s",
    "item_id": "shirt-1",
    "sku": "shirt-1-s",
    "price": "49.90",
    "inventory_quantity": "3",
}


def account(sandbox: Sandbox) -> None:
    """What the examples take to be there: two people, a list, a shirt, a coupon, a tag."""
    member = {"list_name": "VIP", **PEOPLE[0]}
    messages = [
        schema("profiles", "email"),
        *records("profiles", PEOPLE),
        schema("list_profiles", "list_name", "email"),
        *records("list_profiles", [member]),
        schema("catalog_categories", "external_id", "name"),
        *records("catalog_categories", [{"external_id": "shirts", "name": "Shirts"}]),
        schema("catalog_items", *SHIRT),
        *records("catalog_items", [SHIRT]),
        schema("catalog_variants", *SMALL),
        *records("catalog_variants", [SMALL]),
        schema("coupons", "external_id"),
        *records("coupons", [{"external_id": "SUMMER"}]),
        schema("tags", "name"),
        *records("tags", [{"name": "Sale"}]),
    ]
    assert load(sandbox, messages).error is None


def run_example(sandbox: Sandbox, folder: Path, settings: str, rows: str) -> Run:
    """Load the rows of an example with its settings."""
    config = json.loads(settings)
    (stream,) = config["streams"]
    (folder / "rows.csv").write_text(rows)
    source = f"{stream}={folder / 'rows.csv'}"
    messages = processes.run("target_klaviyo.csv_rows", source, env=os.environ).stdout
    return run_target(sandbox.url, messages, **config)


def test_every_heading_has_an_example() -> None:
    headings = re.findall(r"^#### (.*)$", SECTION, re.MULTILINE)
    assert headings
    assert headings == [name for name, *_ in EXAMPLES]


@pytest.mark.parametrize(("name", "settings", "rows"), EXAMPLES, ids=[one[0] for one in EXAMPLES])
def test_the_example_is_taken(
    shop: Sandbox, tmp_path: Path, name: str, settings: str, rows: str
) -> None:
    run = run_example(shop, tmp_path, settings, rows)
    assert run.code == 0, f"{name}: {run.log}"
    (stream,) = json.loads(settings)["streams"]
    figures = run.figures(stream)
    assert figures["rows"] == len(rows.splitlines()) - 1
    assert figures["accepted"] > 0
    assert figures["rejected"] == figures["unknown"] == 0
