from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_works_in_an_empty_environment(tmp_path: Path) -> None:
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
    wheels = ("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path, PROJECT)
    run(*pip, *wheels, cwd=tmp_path)
    (wheel,) = tmp_path.glob("klaviyo_connector-*.whl")
    # An environment without pip, and nothing compiled: that is half of the time.
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "empty", cwd=tmp_path)
    bin_folder = tmp_path / "empty" / "bin"
    into = ("--python", bin_folder / "python", "install", "--no-compile")
    run(*pip, *into, wheel, cwd=tmp_path)

    catalog = json.loads(run(bin_folder / "tap-klaviyo", "--discover", cwd=tmp_path))
    events = next(one for one in catalog["streams"] if one["tap_stream_id"] == "events")
    assert events["schema"]["properties"]["metric_name"]["type"] == ["string", "null"]
    about = json.loads(run(bin_folder / "target-klaviyo", "--about", "--format=json", cwd=tmp_path))
    assert "dead_letter_path" in about["settings"]["properties"]
    assert "--faults" in run(bin_folder / "klaviyo-sandbox", "--help", cwd=tmp_path)
    assert "list-profiles" in run(bin_folder / "klaviyo-call", "--help", cwd=tmp_path)
