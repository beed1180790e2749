"""The shape of the code: which way imports run, and how large things may be."""

from __future__ import annotations

import ast
import re
import subprocess
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from statistics import median, quantiles

import pytest

PROJECT = Path(__file__).resolve().parents[1]
# What each package may import of ours, apart from itself.
ALLOWED: dict[str, set[str]] = {
    "klaviyo_client": set(),
    "klaviyo_sandbox": {"klaviyo_client.operations"},
    "tap_klaviyo": {"klaviyo_client"},
    "target_klaviyo": {"klaviyo_client"},
}
DOOR = {"klaviyo_sandbox": "klaviyo_sandbox.contract"}  # the only module that may use the above
VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"}
LINES_OF_MODULE, LINES_OF_FUNCTION, LINES_OF_NINE_IN_TEN, LINES_OF_HALF = 300, 60, 30, 10
# What a path of somebody's machine begins with.
MACHINE_PATH = re.compile(r"(?<![\w.:/~$}])/(?:home|Users|work|root|mnt)/\w|(?<![\w.:/~$}])/tmp/\w")

packages = pytest.mark.parametrize("package", ALLOWED)


@cache
def modules(package: str) -> dict[str, tuple[Path, ast.Module]]:
    """Path and syntax tree of every module of a package by its full name."""
    folder = PROJECT / package
    if not folder.is_dir():
        pytest.skip(f"{package} does not exist yet")
    return {
        ".".join(path.relative_to(PROJECT).with_suffix("").parts): (
            path,
            ast.parse(path.read_text()),
        )
        for path in sorted(folder.rglob("*.py"))
    }


def imported(tree: ast.Module) -> set[str]:
    """Full names of what a module imports, wherever the import stands."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def run_time(tree: ast.Module) -> ast.Module:
    """A module without what it imports for its annotations only, which cannot go in circles."""
    kept = [
        node
        for node in tree.body
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    ]
    return ast.Module(kept, [])


def within(name: str, prefixes: set[str]) -> bool:
    return any(name == prefix or name.startswith(prefix + ".") for prefix in prefixes)


def function_lengths(package: str) -> dict[str, int]:
    return {
        f"{name}.{node.name}:{node.lineno}": (node.end_lineno or node.lineno) - node.lineno + 1
        for name, (_, tree) in modules(package).items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def committed_texts() -> dict[str, str]:
    """Every committed file that is text, by its path."""
    listing = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607 - whichever git there is
        cwd=PROJECT,
        capture_output=True,
        check=False,
    )
    if listing.returncode != 0:
        pytest.skip("not a git checkout: what is committed is not known")
    texts = {}
    for name in filter(None, listing.stdout.decode().split("\0")):
        path = PROJECT / name
        if path.is_file() and b"\0" not in (content := path.read_bytes()):
            texts[name] = content.decode()
    return texts


@packages
def test_imports_run_one_way(package: str) -> None:
    others = {*ALLOWED, "tests", "scripts", "benchmarks"} - {package}
    found = {
        (name, target)
        for name, (_, tree) in modules(package).items()
        for target in imported(tree)
        if within(target, others)
    }
    door = DOOR.get(package)
    wrong = {
        (name, target)
        for name, target in found
        if not within(target, ALLOWED[package]) or (door and name != door)
    }
    assert wrong == set()


@packages
def test_imports_have_no_cycle(package: str) -> None:
    known = modules(package)
    graph = {
        name: {
            other
            for target in imported(run_time(tree))
            for other in known
            if within(target, {other})
        }
        - {name, package, f"{package}.__init__"}
        for name, (_, tree) in known.items()
    }
    assert list(TopologicalSorter(graph).static_order())  # raises CycleError, which names them


@packages
def test_modules_are_small_and_have_a_real_name(package: str) -> None:
    known = modules(package)
    lines = {name: len(path.read_text().splitlines()) for name, (path, _) in known.items()}
    assert {name: count for name, count in lines.items() if count > LINES_OF_MODULE} == {}
    assert {name for name in known if VAGUE & set(re.split(r"[._]", name))} == set()


@packages
def test_functions_are_small(package: str) -> None:
    lengths = function_lengths(package)
    assert {name: one for name, one in lengths.items() if one > LINES_OF_FUNCTION} == {}
    assert quantiles(lengths.values(), n=10)[-1] <= LINES_OF_NINE_IN_TEN
    assert median(lengths.values()) < LINES_OF_HALF


@packages
def test_nothing_prints(package: str) -> None:
    """Commands write to the stream that they are given."""
    prints = {
        f"{name}:{node.lineno}"
        for name, (_, tree) in modules(package).items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    }
    assert prints == set()


def test_no_path_of_a_machine_is_committed() -> None:
    found = {
        f"{name}:{number}: {line.strip()[:80]}"
        for name, text in committed_texts().items()
        for number, line in enumerate(text.splitlines(), 1)
        if MACHINE_PATH.search(line) and name != "tests/test_architecture.py"
    }
    assert found == set()
