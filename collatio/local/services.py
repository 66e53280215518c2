"""The programs of the mesh: the gateway, and a server and a worker pool a stage, with their settings."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from collatio.local.config import SERVER_GRACE_S, SOFT_SHUTDOWN_S
from collatio.local.environ import plain, with_credentials
from collatio.local.plan import Rank
from collatio.local.program import Program
from collatio.local.ready import wait_serving

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collatio.local.config import MeshConfig
    from collatio.local.folder import DataFolder

STAGES = {
    "fetch": "collatio.v1.FetchService",
    "extract": "collatio.v1.ExtractService",
    "compare": "collatio.v1.CompareService",
}
GATEWAY_SERVICE = "collatio.v1.JobService"


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything of one mesh is: its folder, its state store, and each server's address."""

    config: MeshConfig
    folder: DataFolder
    state_url: str
    gateway: str
    stages: Mapping[str, str]
    environ: Mapping[str, str]


def service_programs(layout: Layout) -> list[Program]:
    """List the seven programs that make a mesh of this layout; Valkey is not among them."""
    programs = [_gateway(layout)]
    for stage in STAGES:
        programs += [_server(layout, stage), _workers(layout, stage)]
    return programs


def _gateway(layout: Layout) -> Program:
    targets = {f"COLLATIO_{stage.upper()}_TARGET": layout.stages[stage] for stage in STAGES}
    env = {**plain(layout.environ), **_shared(layout), **targets, "COLLATIO_LISTEN": layout.gateway}
    ready = partial(wait_serving, layout.gateway, ("", GATEWAY_SERVICE))
    return Program("gateway", _python("gateway", "serve"), env, Rank.SERVER, ready)


def _server(layout: Layout, stage: str) -> Program:
    env = {**_stage_env(layout, stage), "COLLATIO_LISTEN": layout.stages[stage]}
    ready = partial(wait_serving, layout.stages[stage], ("", STAGES[stage]))
    return Program(f"{stage}-serve", _python(f"{stage}_svc", "serve"), env, Rank.SERVER, ready)


def _workers(layout: Layout, stage: str) -> Program:
    env = {**_stage_env(layout, stage), "COLLATIO_CONCURRENCY": str(layout.config.workers()[stage])}
    return Program(f"{stage}-work", _python(f"{stage}_svc", "work"), env, Rank.WORKER)


def _stage_env(layout: Layout, stage: str) -> dict[str, str]:
    if stage != "fetch":
        return {**plain(layout.environ), **_shared(layout)}
    roots = os.pathsep.join(str(root.expanduser().absolute()) for root in layout.config.roots)
    return {**with_credentials(layout.environ), **_shared(layout), "COLLATIO_FETCH_ROOTS": roots}


def _shared(layout: Layout) -> dict[str, str]:
    env = {
        "COLLATIO_ENV": "embedded",
        "COLLATIO_STATE_URL": layout.state_url,
        "COLLATIO_BLOB_URL": layout.folder.blobs.as_uri(),
        "COLLATIO_DATA_DIR": str(layout.folder.path),
        "COLLATIO_DRAIN_S": "0",
        "COLLATIO_GRACE_S": f"{SERVER_GRACE_S:g}",
        "COLLATIO_SOFT_SHUTDOWN_S": f"{SOFT_SHUTDOWN_S:g}",
        "COLLATIO_LOG_LEVEL": layout.config.log_level,
        "COLLATIO_LOG_FORMAT": "json",
    }
    if layout.config.lease_s is not None:
        env["COLLATIO_LEASE_S"] = f"{layout.config.lease_s:g}"
    return env


def _python(module: str, *args: str) -> tuple[str, ...]:
    # -P: the working folder must not shadow a package.
    return (sys.executable, "-P", "-m", module, *args)
