"""Compares the committed schema with the contract in the folder `shared` beside the checkout.

Without that folder there is nothing to compare with. The script says so and passes; in CI (the
environment variable CI is set) it fails, because a check that did not run must not look like one
that passed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
CHECK = ROOT.parent / "shared" / "check_contract.py"


def main() -> int:
    if not CHECK.exists():
        return report_missing()
    pending = ROOT / "tests" / "contract_pending.txt"
    schema = ROOT / "schema" / "schema.graphql"
    return subprocess.call([sys.executable, str(CHECK), str(schema), "--pending", str(pending)])


def report_missing() -> int:
    """Say that the contract was not found; returns the exit code."""
    found = (
        "The schema was not compared with the contract: ../shared/check_contract.py does not exist"
    )
    if os.environ.get("CI"):
        print(
            f"{found}, and CI must not skip this check. Put `shared` beside the checkout.",
            file=sys.stderr,
        )
        return 1
    print(f"{found}. In CI this is a failure.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
