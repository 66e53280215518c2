"""Who imports whom: the contracts of .importlinter, and what a running program has loaded."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.architecture.conftest import Tree

ENGINES = {
    *("pypdfium2", "lxml", "selectolax", "chardet", "markdown_it", "py3langid", "python_calamine"),
    *("numpy", "scipy", "rapidfuzz"),
}
SERVER = ("collatio.runtime.program", "collatio.runtime.stage_server", "collatio.runtime.rpc.server")
POOL = ("collatio.runtime.program", "collatio.runtime.queue.worker", "collatio.runtime.sandbox.zygote")
STAGES = ("fetch_svc", "extract_svc", "compare_svc")


def loaded_by(*statements: str) -> set[str]:
    """Run statements in a fresh Python and answer the top-level packages it has loaded then."""
    code = "; ".join((*statements, "import sys", "print(*{m.partition('.')[0] for m in sys.modules})"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def imports(modules: Sequence[str]) -> tuple[str, ...]:
    """Make import statements of module names."""
    return tuple(f"import {module}" for module in modules)


def registry(stage: str) -> tuple[str, ...]:
    """Load what a stage's server computes engine fingerprints with, where the stage has such a registry."""
    name = f"{stage}.engine.registry"
    return (f"import {name}", f"{name}.Registry.load()") if importlib.util.find_spec(name) else ()


def test_every_import_contract_is_kept(tree: Tree) -> None:
    """Services, engines, bindings and packages import only what .importlinter allows."""
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=tree.root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("stage", STAGES)
def test_serving_a_stage_loads_no_engine_library(stage: str) -> None:
    """A stage's server never pays for, nor is exposed to, the parsers that its workers run."""
    modules = imports((f"{stage}.__main__", f"{stage}.server", *SERVER))
    assert not loaded_by(*modules, *registry(stage)) & ENGINES


def test_serving_the_gateway_loads_neither_engines_nor_celery() -> None:
    """The gateway speaks to stages through their streams and to nothing behind them."""
    modules = imports(("gateway.__main__", "gateway.server", *SERVER[2:]))
    assert not loaded_by(*modules) & (ENGINES | {"celery", "kombu"})


@pytest.mark.parametrize("stage", STAGES)
def test_a_pool_is_forked_without_grpc_or_engine_libraries(stage: str) -> None:
    """A process that used gRPC cannot be forked safely, and documents are parsed in the sandbox alone."""
    modules = imports((f"{stage}.__main__", f"{stage}.tasks", *POOL))
    assert not loaded_by(*modules, *registry(stage)) & (ENGINES | {"grpc"})


def test_the_errors_load_nothing_but_the_standard_library() -> None:
    """Whoever wants the reasons gets them without a dependency."""
    ours = {"collatio"}
    bare = loaded_by("pass")
    assert loaded_by("import collatio.runtime.errors") - bare - ours <= set(sys.stdlib_module_names)
