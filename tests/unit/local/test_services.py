"""The programs of a mesh get the settings they need and nothing they must not see."""

from __future__ import annotations

from pathlib import Path

from collatio.local.config import MeshConfig
from collatio.local.folder import DataFolder
from collatio.local.plan import Rank
from collatio.local.services import Layout, service_programs

STAGES = {"fetch": "127.0.0.1:1", "extract": "127.0.0.1:2", "compare": "127.0.0.1:3"}
CALLER = {
    "PATH": "/usr/bin",
    "AWS_SECRET_ACCESS_KEY": "s",
    "https_proxy": "http://p",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c",
    "COLLATIO_GATEWAY": "elsewhere:1",
    "SSH_AUTH_SOCK": "x",
}


def layout(**changes: object) -> Layout:
    """Make a layout that touches nothing."""
    config = MeshConfig(roots=(Path("/in/a"), Path("/in/b")), **changes)  # type: ignore[arg-type]  # a test's own
    folder = DataFolder(Path("/data dir"), temporary=False, lock_fd=-1)
    return Layout(config, folder, "redis://:pw@127.0.0.1:9/0", "127.0.0.1:4", STAGES, CALLER)


def environments(**changes: object) -> dict[str, dict[str, str]]:
    """Name each program's environment."""
    return {each.name: dict(each.env) for each in service_programs(layout(**changes))}


def test_a_mesh_is_a_gateway_and_a_server_and_workers_a_stage() -> None:
    """`ps` shows four servers and three pools."""
    ranks = {each.name: each.rank for each in service_programs(layout())}
    assert ranks == {
        "gateway": Rank.SERVER,
        **{f"{stage}-serve": Rank.SERVER for stage in STAGES},
        **{f"{stage}-work": Rank.WORKER for stage in STAGES},
    }


def test_only_fetch_sees_credentials_proxies_and_roots() -> None:
    """A stage that reads documents cannot leak what it never had."""
    for name, env in environments().items():
        fetches = name.startswith("fetch")
        assert ("AWS_SECRET_ACCESS_KEY" in env) is fetches
        assert ("https_proxy" in env) is fetches
        assert env.get("COLLATIO_FETCH_ROOTS") == ("/in/a:/in/b" if fetches else None)


def test_every_program_shares_the_stores_and_the_telemetry_settings() -> None:
    """One ledger, one blob store, one collector."""
    for env in environments().values():
        assert env["COLLATIO_STATE_URL"] == "redis://:pw@127.0.0.1:9/0"
        assert env["COLLATIO_BLOB_URL"] == "file:///data%20dir/blobs"
        assert env["COLLATIO_ENV"] == "embedded"
        assert env["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://c"
        assert "COLLATIO_GATEWAY" not in env
        assert "SSH_AUTH_SOCK" not in env


def test_the_stop_settings_are_those_of_the_embedded_mesh() -> None:
    """Drain 0, grace 1.5 s (health watches never end by themselves, so it is always spent), soft shutdown 4 s."""
    for env in environments().values():
        stop = [env[f"COLLATIO_{name}_S"] for name in ("DRAIN", "GRACE", "SOFT_SHUTDOWN")]
        assert stop == ["0", "1.5", "4"]


def test_addresses_and_pool_sizes_reach_those_who_need_them() -> None:
    """The gateway knows the stages; a server its address; a pool its size."""
    found = environments(extract_workers=5)
    assert found["gateway"]["COLLATIO_EXTRACT_TARGET"] == "127.0.0.1:2"
    assert found["gateway"]["COLLATIO_LISTEN"] == "127.0.0.1:4"
    assert found["compare-serve"]["COLLATIO_LISTEN"] == "127.0.0.1:3"
    assert found["extract-work"]["COLLATIO_CONCURRENCY"] == "5"


def test_a_lease_is_set_only_when_it_is_asked_for() -> None:
    """The services' own default stands otherwise."""
    assert "COLLATIO_LEASE_S" not in environments()["gateway"]
    assert environments(lease_s=4.0)["fetch-work"]["COLLATIO_LEASE_S"] == "4"
