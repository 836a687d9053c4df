"""The contract check: it compares if the contract is there.

If the contract is missing, it fails in CI and passes elsewhere.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / "contract.py"
CHECK = """
import pathlib
import sys

schema, option, pending = sys.argv[1:]
assert option == "--pending"
print(pathlib.Path(schema).read_text(), pathlib.Path(pending).read_text())
raise SystemExit({code})
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with the script, a schema and the list of pending items, without a contract."""
    root = tmp_path / "checkout"
    (root / "tests").mkdir(parents=True)
    (root / "schema").mkdir()
    shutil.copy(SCRIPT, root / "tests" / "contract.py")
    (root / "schema" / "schema.graphql").write_text("the schema")
    (root / "tests" / "contract_pending.txt").write_text("the pending items")
    return root


def run(checkout: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the script with an environment that says whether this is CI."""
    inherited = {name: value for name, value in os.environ.items() if name != "CI"}
    script = [sys.executable, str(checkout / "tests" / "contract.py")]
    return subprocess.run(
        script, env={**inherited, **environment}, capture_output=True, text=True, check=False
    )


def add_contract(checkout: Path, code: int) -> None:
    """Put a contract beside the checkout whose check exits with the code."""
    shared = checkout.parent / "shared"
    shared.mkdir()
    (shared / "check_contract.py").write_text(CHECK.format(code=code))


def test_a_missing_contract_fails_in_ci(checkout: Path) -> None:
    done = run(checkout, CI="true")
    assert done.returncode == 1
    assert "not compared" in done.stderr
    assert "CI must not skip" in done.stderr


@pytest.mark.parametrize("environment", [{}, {"CI": ""}], ids=["unset", "empty"])
def test_a_missing_contract_is_reported_and_passes_elsewhere(
    checkout: Path, environment: dict[str, str]
) -> None:
    done = run(checkout, **environment)
    assert done.returncode == 0
    assert "not compared" in done.stdout


@pytest.mark.parametrize("environment", [{}, {"CI": "true"}], ids=["elsewhere", "in CI"])
@pytest.mark.parametrize("code", [0, 1])
def test_a_contract_is_compared_and_its_answer_is_the_exit_code(
    checkout: Path, code: int, environment: dict[str, str]
) -> None:
    add_contract(checkout, code)
    done = run(checkout, **environment)
    assert done.returncode == code, done.stderr
    assert "the schema the pending items" in done.stdout
    assert "not compared" not in done.stdout + done.stderr
