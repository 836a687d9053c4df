"""`python -m benchmarks caches`: how caches of GraphQL clients treat responses and events that
arrive in another order.

The random runs of the TypeScript client's model check (clients/typescript/tests/model) are recorded
and replayed into its store, Apollo Client's cache and urql's graphcache. Needs Node.js and npm.
"""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Sequence
from pathlib import Path

from benchmarks.programs import install_npm_packages

FOLDER = Path(__file__).parent
CLIENT = FOLDER.parent.parent / "clients/typescript"


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks caches", description=__doc__)
    parser.add_argument("--runs", type=int, default=1000, help="default: 1000, about a minute")
    parser.add_argument("--seed", type=int, default=1, help="the seed of the first run; default: 1")
    options = parser.parse_args(arguments)
    install_npm_packages(CLIENT)
    install_npm_packages(FOLDER)
    subprocess.run(["npm", "run", "--silent", "build:test"], cwd=CLIENT, check=True, timeout=600)
    command = ["node", "compare.mjs", str(options.runs), str(options.seed)]
    subprocess.run(command, cwd=FOLDER, check=True)
