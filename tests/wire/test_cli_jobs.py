"""The other commands over a real connection."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from collatio.cli.exit_status import StoppedBySignal
from collatio.cli.program import program
from collatio.cli.surroundings import Surroundings
from collatio.v1 import common_pb2 as common
from tests.wire.fake_gateway import CORRUPT, TRACE_ID, FakeGateway, FakeMesh, Script, served

if TYPE_CHECKING:
    from click.testing import Result
from tests.wire.cli_bench import collatio, rows


def test_extract_prints_a_line_a_document(folder: Path) -> None:
    """Standard output is JSON lines, every document has one, and nothing is compared."""
    (folder / "bad.txt").write_bytes(CORRUPT)
    mesh = FakeMesh()
    result = collatio("extract", "docs", "none", mesh=mesh)
    assert result.exit_code == 1
    found = rows(result.stdout)
    assert [each["uri"].rpartition("/")[2] for each in found] == [
        "a.txt",
        "b.txt",
        "bad.txt",
        "%C3%A7%20d.txt",
        "none",
    ]
    assert set(found[0]) == {
        *(
            "schemaVersion",
            "documentId",
            "uri",
            "sha256",
            "mediaType",
            "text",
            "pageCount",
            "blocks",
            "tables",
        ),
        *("metadata", "language", "warnings"),
    }
    assert found[2]["error"]["reason"] == "DOCUMENT_CORRUPT"
    assert "text" not in found[2]
    assert not mesh.gateway.jobs["jobs/fake-1"].job.spec.HasField("compare")


def test_extract_into_a_file(folder: Path) -> None:
    """-o replaces a file whole; - is standard output."""
    Path("out.jsonl").write_text("old")
    result = collatio("extract", "docs", "-o", "out.jsonl")
    assert (result.exit_code, result.stdout) == (0, "")
    assert len(rows(Path("out.jsonl").read_text())) == 3
    assert len(rows(collatio("extract", "docs", "-o", "-").stdout)) == 3


def test_extract_tells_a_lost_result(folder: Path) -> None:
    """A result that is gone is that document's failure, and counts."""
    script = Script(gone={(folder / "b.txt").as_uri()})
    result = collatio("extract", "docs", mesh=FakeMesh(FakeGateway(script)))
    assert result.exit_code == 1
    assert [each.get("error", {}).get("reason") for each in rows(result.stdout)] == [
        None,
        "DOCUMENT_NOT_FOUND",
        None,
    ]


def test_submit_prints_the_name(folder: Path, gateway: FakeGateway) -> None:
    """The name alone is on standard output, for a script to keep."""
    result = collatio("submit", "docs", "--gateway", gateway.target)
    assert (result.exit_code, result.stdout) == (0, "jobs/fake-1\n")


def test_submit_wait_tells_the_outcome(folder: Path, gateway: FakeGateway) -> None:
    """--wait exits as run does."""
    (folder / "bad.txt").write_bytes(CORRUPT)
    assert collatio("submit", "docs", "--wait", "--gateway", gateway.target).exit_code == 1
    bad = collatio("submit", "docs/bad.txt", "--wait", "--gateway", gateway.target)
    assert bad.exit_code == 3
    assert "ALL_DOCUMENTS_FAILED" in bad.stderr


def test_status_as_lines_and_json(folder: Path, gateway: FakeGateway) -> None:
    """Off a terminal each line is a name, a tab and a value; the job's ID will do for its name."""
    collatio("submit", "docs", "--label", "team=a", "--gateway", gateway.target)
    facts = dict(
        line.split("\t")
        for line in collatio("status", "fake-1", "--gateway", gateway.target).stdout.splitlines()
    )
    assert (facts["job"], facts["state"], facts["labels"]) == ("jobs/fake-1", "SUCCEEDED", "team=a")
    as_json = collatio("status", "jobs/fake-1", "--json", "--gateway", gateway.target)
    assert json.loads(as_json.stdout)["state"] == "JOB_STATE_SUCCEEDED"


def test_unknown_job_exits_4(gateway: FakeGateway) -> None:
    """The gateway's reason and the trace are told."""
    result = collatio("status", "none", "--gateway", gateway.target)
    assert result.exit_code == 4
    assert "collatio: JOB_NOT_FOUND: " in result.stderr
    assert TRACE_ID in result.stderr


def test_watch_ends_with_the_job(folder: Path, gateway: FakeGateway) -> None:
    """Its exit status tells the outcome; with --json each event is a line."""
    collatio("submit", "docs", "--gateway", gateway.target)
    plain = collatio("watch", "fake-1", "--gateway", gateway.target)
    assert (plain.exit_code, plain.stdout) == (0, "jobs/fake-1 SUCCEEDED\n")
    events = rows(collatio("watch", "fake-1", "--json", "--gateway", gateway.target).stdout)
    numbers = [each["sequence"] for each in events if "snapshot" not in each]
    assert numbers == list(range(1, len(numbers) + 1))
    assert events[-1]["snapshot"]["state"] == "JOB_STATE_SUCCEEDED"


def test_silent_job_is_asked_what_it_waits_for(folder: Path) -> None:
    """A heartbeat makes the command look at the job again, which alone says why nothing moves."""
    mesh = FakeMesh(FakeGateway(Script(heartbeats=1)))
    collatio("run", "docs", mesh=mesh)
    assert mesh.gateway.calls["GetJob"] == 1


def test_results_as_lines_and_folder(folder: Path, gateway: FakeGateway) -> None:
    """Comparisons by default, another kind on request, everything with -o."""
    collatio("submit", "docs", "--gateway", gateway.target)
    pairs = rows(collatio("results", "fake-1", "--gateway", gateway.target).stdout)
    assert len(pairs) == 3
    assert pairs[0]["left"] == "docs/a.txt"
    texts = collatio("results", "fake-1", "--kind", "extractions", "--gateway", gateway.target)
    assert [each["uri"] for each in rows(texts.stdout)] == ["docs/a.txt", "docs/b.txt", "docs/sub/ç d.txt"]
    assert collatio("results", "fake-1", "-o", "out", "--gateway", gateway.target).exit_code == 0
    assert len(rows(Path("out/comparisons.jsonl").read_text())) == 3


def test_results_of_an_extraction_are_its_texts(folder: Path, gateway: FakeGateway) -> None:
    """Where nothing was compared the texts are the result."""
    collatio("submit", "docs/a.txt", "--mode", "none", "--gateway", gateway.target)
    assert rows(collatio("results", "fake-1", "--gateway", gateway.target).stdout)[0]["text"]


def test_cancel_and_running_results(folder: Path) -> None:
    """A running job can be cancelled, and gives what it has with a word of warning."""
    with served(Script(hold=True)) as gateway:
        collatio("submit", "docs", "--gateway", gateway.target)
        running = collatio("results", "fake-1", "--gateway", gateway.target)
        assert "still QUEUED" in running.stderr
        cancelled = collatio("cancel", "fake-1", "--gateway", gateway.target)
        assert (cancelled.exit_code, cancelled.stdout) == (0, "jobs/fake-1 CANCELLED\n")
        again = collatio("cancel", "fake-1", "--json", "--gateway", gateway.target)
        assert json.loads(again.stdout)["state"] == "JOB_STATE_CANCELLED"


def test_list_is_a_table_or_json(folder: Path, gateway: FakeGateway) -> None:
    """Newest first; a limit is kept; JSON is an array."""
    for _ in range(3):
        collatio("submit", "docs", "--gateway", gateway.target)
    lines = collatio("list", "--gateway", gateway.target).stdout.splitlines()
    assert lines[0].split("\t")[:2] == ["JOB", "STATE"]
    assert [line.split("\t")[0] for line in lines[1:]] == ["jobs/fake-3", "jobs/fake-2", "jobs/fake-1"]
    two = collatio("list", "--limit", "2", "--json", "--gateway", gateway.target)
    assert [each["name"] for each in json.loads(two.stdout)] == ["jobs/fake-3", "jobs/fake-2"]
    none = collatio("list", "--filter", "state = FAILED", "--gateway", gateway.target)
    assert len(none.stdout.splitlines()) == 1


def test_upload_prints_uris_that_a_job_takes(folder: Path, gateway: FakeGateway) -> None:
    """One URI a file, in order; a file that cannot be read is told and does not stop the others."""
    result = collatio("upload", "docs/a.txt", "none", "docs/b.txt", "--gateway", gateway.target)
    assert result.exit_code == 1
    assert "SOURCE_NOT_FOUND: none" in result.stderr
    uris = result.stdout.split()
    assert all(re.fullmatch(r"blob:sha256:[0-9a-f]{64}", each) for each in uris)
    assert collatio("run", *uris, "--gateway", gateway.target).exit_code == 0
    assert {each.uri for each in gateway.jobs["jobs/fake-1"].documents} == set(uris)


def test_mesh_status_is_a_table_or_json(gateway: FakeGateway) -> None:
    """Each stage, with why it waits."""
    lines = collatio("mesh", "status", "--gateway", gateway.target).stdout.splitlines()
    assert [line.split("\t")[0] for line in lines] == ["STAGE", "fetch", "extract", "compare"]
    assert lines[2].split("\t")[1:3] == ["7", "12.5"]
    assert lines[2].endswith("NO_WORKERS")
    as_json = collatio("mesh", "status", "--json", "--gateway", gateway.target)
    assert json.loads(as_json.stdout)["stages"][1]["queueDepth"] == 7


def test_mesh_status_watch_prints_the_table_again(gateway: FakeGateway) -> None:
    """Off a terminal the tables stand one under another; with --json each answer is a line."""
    plain = watch_status(3, "--gateway", gateway.target)
    assert (plain.exit_code, plain.stdout.count("STAGE\t"), plain.stdout.count("\n\n")) == (130, 3, 2)
    as_json = rows(watch_status(2, "--json", "--gateway", gateway.target).stdout)
    assert [each["openJobs"] for each in as_json] == [1, 1]


def watch_status(times: int, *args: object) -> Result:
    """Watch the mesh's status until it was shown so many times."""
    waited: list[float] = []

    async def sleep(duration_s: float) -> None:
        waited.append(duration_s)
        if len(waited) == times:
            raise StoppedBySignal

    surroundings = Surroundings(open_mesh=FakeMesh(), sleep=sleep)
    given = ["mesh", "status", "--watch", "--every", "5s", *map(str, args)]
    result = CliRunner().invoke(program, given, obj=surroundings)
    assert waited == [5.0] * times
    return result


def test_retry_prints_the_new_job(folder: Path, gateway: FakeGateway) -> None:
    """The new job's name alone is on standard output; --from reaches the gateway; --json gives the job."""
    collatio("submit", "docs", "--gateway", gateway.target)
    again = collatio("retry", "fake-1", "--gateway", gateway.target)
    assert (again.exit_code, again.stdout) == (0, "jobs/fake-1-again\n")
    assert gateway.retried_from == [common.STAGE_UNSPECIFIED]
    as_json = collatio("retry", "fake-1", "--from", "extract", "--json", "--gateway", gateway.target)
    assert json.loads(as_json.stdout)["retryOf"] == "jobs/fake-1"
    assert gateway.retried_from[-1] == common.STAGE_EXTRACT
    assert collatio("retry", "fake-1", "--from", "there", "--gateway", gateway.target).exit_code == 2
    assert collatio("retry", "none", "--gateway", gateway.target).exit_code == 4


def test_delete_asks_first(folder: Path, gateway: FakeGateway) -> None:
    """What is asked about is named with its counts; "no" keeps it and exits 1, "yes" deletes it."""
    collatio("submit", "docs", "--gateway", gateway.target)
    kept = collatio("delete", "fake-1", "--gateway", gateway.target, given="n\n")
    assert (kept.exit_code, kept.stdout) == (1, "")
    assert "Delete jobs/fake-1 (SUCCEEDED, 3 documents, 3 comparisons)?" in kept.stderr
    assert "jobs/fake-1" in gateway.jobs
    gone = collatio("delete", "fake-1", "--gateway", gateway.target, given="y\n")
    assert (gone.exit_code, gone.stdout) == (0, "jobs/fake-1\n")
    assert gateway.jobs == {}


def test_delete_without_an_answer_deletes_nothing(folder: Path, gateway: FakeGateway) -> None:
    """A script that cannot answer says --yes, or the job stays."""
    collatio("submit", "docs", "--gateway", gateway.target)
    assert collatio("delete", "fake-1", "--gateway", gateway.target, given="").exit_code == 130
    assert "jobs/fake-1" in gateway.jobs
    assert collatio("delete", "fake-1", "--yes", "--gateway", gateway.target).exit_code == 0
    assert collatio("delete", "fake-1", "--yes", "--gateway", gateway.target).exit_code == 4


def test_quarantine_is_listed_and_replayed() -> None:
    """A table or JSON, over all pages; replaying finds each key's stage and tells the keys it did not find."""
    stages = {"k1": common.STAGE_EXTRACT, "k2": common.STAGE_COMPARE, "k3": common.STAGE_EXTRACT}
    with served(Script(quarantine=stages, page=2)) as gateway:
        where = ("--gateway", gateway.target)
        listed = [line.split("\t") for line in collatio("quarantine", "list", *where).stdout.splitlines()]
        assert [row[1] for row in listed] == ["KEY", "k1", "k2", "k3"]
        assert listed[1][:5] == ["extract", "k1", "jobs/fake-1", "WORKER_LOST", "3"]
        one = collatio("quarantine", "list", "--stage", "compare", "--json", *where)
        assert [each["key"] for each in json.loads(one.stdout)] == ["k2"]
        result = collatio("quarantine", "replay", "k2", "k1", "none", *where)
        assert (result.exit_code, set(result.stdout.split())) == (1, {"k1", "k2"})
        assert "collatio: not in quarantine: none" in result.stderr
        assert set(gateway.script.quarantine) == {"k3"}
        assert collatio("quarantine", "replay", "k3", *where).exit_code == 0


def test_quarantine_alone_lists(gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a word more it is the list."""
    monkeypatch.setenv("COLLATIO_GATEWAY", gateway.target)
    result = collatio("quarantine")
    assert (result.exit_code, result.stdout.splitlines()[0].split("\t")[0]) == (0, "STAGE")


def test_version_is_printed() -> None:
    """`version` and --version agree."""
    assert collatio("version").stdout == collatio("--version").stdout


# processes


def test_gc_tells_what_was_removed() -> None:
    """In a sentence or as JSON; a refused age is the caller's fault, and a mesh or a folder must be named."""
    with served(Script()) as gateway:
        where = ("--gateway", gateway.target)
        assert collatio("gc", *where).stdout == "2 of 7 blobs removed (4096 bytes)\n"
        assert "would be removed" in collatio("gc", "--dry-run", *where).stdout
        assert json.loads(collatio("gc", "--json", *where).stdout)["removedCount"] == 2
        refused = collatio("gc", "--older-than", "10m", *where)
    assert refused.exit_code == 4
    assert "min_age" in refused.stderr
    assert collatio("gc").exit_code == 2
