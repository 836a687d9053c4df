"""Hold the committed schema against the contract, where that lies beside the checkout."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
CHECK = ROOT.parent / "shared" / "check_contract.py"


def main() -> int:
    if not CHECK.exists():
        print("the contract is not beside this checkout: not compared")
        return 0
    pending = ROOT / "tests" / "contract_pending.txt"
    schema = ROOT / "schema" / "schema.graphql"
    return subprocess.call([sys.executable, str(CHECK), str(schema), "--pending", str(pending)])


if __name__ == "__main__":
    raise SystemExit(main())
