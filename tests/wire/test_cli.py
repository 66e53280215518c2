"""The command over a real connection: what it prints, what it writes, how it exits, how it is interrupted."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from collatio.cli.exit_status import StoppedBySignal
from collatio.cli.program import program
from collatio.cli.surroundings import Surroundings
from collatio.runtime.errors import CollatioError, Reason
from collatio.v1 import common_pb2 as common
from collatio.v1 import gateway_pb2 as pb
from tests.wire.fake_gateway import CORRUPT, SCAN, TRACE_ID, FakeGateway, FakeMesh, Script, served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result

ROOT = Path(__file__).resolve().parents[2]
DRIVER = """
import atexit, json, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from collatio.cli.program import program
from collatio.cli.surroundings import Surroundings
from tests.wire.fake_gateway import FakeGateway, FakeMesh, Script
mesh = FakeMesh(FakeGateway(Script(**json.loads(sys.argv[1]))))
atexit.register(lambda: print(json.dumps(
    {"stopped": mesh.stopped, **mesh.gateway.calls, **{"jobs": len(mesh.gateway.jobs)}}), file=sys.stderr))
program.main(sys.argv[2:], obj=Surroundings(open_mesh=mesh))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder of documents, and work in the folder that holds it."""
    docs = tmp_path / "docs"
    (docs / "sub").mkdir(parents=True)
    (docs / "a.txt").write_text("one two three four\n\nh1\th2")
    (docs / "b.txt").write_text("one two three five")
    (docs / "sub" / "ç d.txt").write_text("nothing alike")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLLATIO_GATEWAY", raising=False)
    return docs


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    """Run a gateway elsewhere."""
    with served() as running:
        yield running


def collatio(*args: object, mesh: FakeMesh | None = None, given: str | None = None) -> Result:
    """Run the command with a fake mesh in the embedded one's place."""
    surroundings = Surroundings(open_mesh=mesh or FakeMesh())
    return CliRunner().invoke(program, [str(each) for each in args], input=given, obj=surroundings)


def rows(text: str) -> list[dict[str, Any]]:
    """Read lines of JSON."""
    return [json.loads(line) for line in text.splitlines()]


def start(script: dict[str, Any], *args: object, **options: Any) -> subprocess.Popen[str]:
    """Run the command as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(DRIVER), json.dumps(script), *map(str, args)],
        **{
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "text": True,
            "env": {**os.environ, "PYTHONPATH": str(ROOT)},
            **options,
        },
    )


def read_until(stream: Any, text: str) -> str:
    """Read lines until one holds the text."""
    read = ""
    for line in stream:
        read += str(line)
        if text in line:
            return read
    raise AssertionError(f"{text!r} was never said: {read}")


# run


def test_run_prints_a_summary(folder: Path) -> None:
    """Counts, failures with reasons, the closest pairs and the trace are on standard output."""
    (folder / "bad.txt").write_bytes(CORRUPT)
    result = collatio("run", "docs", "missing.txt", "foo://bar")
    assert result.exit_code == 1
    assert "6 found, 3 extracted (3 now, 0 known already), 3 failed" in result.stdout
    assert re.search(r"docs/bad\.txt +DOCUMENT_CORRUPT", result.stdout)
    assert re.search(r"missing\.txt +SOURCE_NOT_FOUND", result.stdout)
    assert re.search(r"foo://bar +URI_SCHEME_UNSUPPORTED", result.stdout)
    assert re.search(r"0\.\d+ +docs/a\.txt +docs/b\.txt +\d changes?", result.stdout)
    assert f"trace {TRACE_ID}" in result.stdout
    assert "mesh up in" in result.stderr


def test_run_reads_paths_in_place(folder: Path) -> None:
    """The mesh it starts may read exactly the paths that were named, whether they exist or not."""
    mesh = FakeMesh()
    result = collatio("run", "docs/a.txt", "docs", "none.txt", "s3://b/k", "--data", "kept", mesh=mesh)
    here = Path.cwd()
    assert mesh.opened == {
        "data_dir": Path("kept"),
        "port": None,
        "roots": (here / "docs", here / "none.txt"),
    }
    assert mesh.stopped
    assert mesh.gateway.calls["UploadBlob"] == 0
    assert [each.uri for each in mesh.gateway.jobs["jobs/fake-1"].job.spec.sources] == [
        (here / "docs/a.txt").as_uri(),
        (here / "docs").as_uri() + "/",
        (here / "none.txt").as_uri(),
        "s3://b/k",
    ]
    assert result.exit_code == 1


def test_run_writes_a_folder(folder: Path) -> None:
    """-o leaves four files, whose rows carry a schema version and come in a stable order."""
    (folder / "bad.txt").write_bytes(CORRUPT)
    (folder / "scan.txt").write_bytes(SCAN)
    result = collatio("run", "docs", "-o", "out")
    out = Path("out")
    assert sorted(each.name for each in out.iterdir()) == [
        "comparisons.jsonl",
        "extractions.jsonl",
        "failures.jsonl",
        "job.json",
    ]
    assert all(f"out/{each.name}" in result.stdout for each in out.iterdir())
    job = json.loads((out / "job.json").read_text())
    assert (job["schemaVersion"], job["state"], job["documents"]["failed"]) == (1, "JOB_STATE_SUCCEEDED", 1)
    extractions = rows((out / "extractions.jsonl").read_text())
    base = folder.as_uri()
    assert [each["uri"] for each in extractions] == [
        f"{base}/a.txt",
        f"{base}/b.txt",
        f"{base}/bad.txt",
        f"{base}/scan.txt",
        f"{base}/sub/%C3%A7%20d.txt",
    ]
    assert extractions[0]["text"] == "one two three four\n\nh1\th2"
    assert extractions[0]["tables"] == [{"rows": [["h1", "h2"]]}]
    assert extractions[2]["error"]["reason"] == "DOCUMENT_CORRUPT"
    comparisons = rows((out / "comparisons.jsonl").read_text())
    order = [(each["left"], each["right"]) for each in comparisons]
    assert order == sorted(order)
    assert comparisons[0]["status"] == "COMPARED"
    assert comparisons[0]["changes"][0]["kind"] == "DELETED"
    assert {each["reason"] for each in comparisons if each["status"] == "NOT_COMPARABLE"} == {"NO_TEXT"}
    assert [each["reason"] for each in rows((out / "failures.jsonl").read_text())] == ["DOCUMENT_CORRUPT"]


def test_run_refuses_a_folder_that_is_not_empty(folder: Path) -> None:
    """Nothing of the caller's is overwritten unasked, and no mesh is started for it."""
    mesh = FakeMesh()
    Path("out").mkdir()
    Path("out/notes").write_text("mine")
    result = collatio("run", "docs", "-o", "out", mesh=mesh)
    assert result.exit_code == 2
    assert "--force" in result.stderr
    assert mesh.opened == {}


def test_force_replaces_only_own_files(folder: Path) -> None:
    """--force leaves alone what it did not write."""
    Path("out").mkdir()
    Path("out/notes").write_text("mine")
    Path("out/job.json").write_text("old")
    assert collatio("run", "docs", "-o", "out", "--force").exit_code == 0
    assert Path("out/notes").read_text() == "mine"
    assert json.loads(Path("out/job.json").read_text())["name"] == "jobs/fake-1"


def test_run_json_is_the_job(folder: Path) -> None:
    """With --json standard output is one JSON object and nothing else."""
    result = collatio("run", "docs", "--json")
    assert json.loads(result.stdout)["documents"]["extracted"] == 3
    assert "closest pairs" in result.stderr


def test_fail_on_none_forgives_failed_documents(folder: Path) -> None:
    """A demo with a broken file in it ends well."""
    assert collatio("run", "docs", "missing", "--fail-on", "none").exit_code == 0


def test_failed_job_exits_3(folder: Path) -> None:
    """A job that failed says why on standard error, whatever --fail-on says."""
    Path("empty").mkdir()
    result = collatio("run", "empty", "--fail-on", "none")
    assert result.exit_code == 3
    assert "collatio: NO_DOCUMENTS: " in result.stderr


@pytest.mark.parametrize("state", [pb.JOB_STATE_CANCELLED, pb.JOB_STATE_EXPIRED])
def test_job_that_another_ended_exits_3(folder: Path, state: int) -> None:
    """Cancelled by somebody else is not success."""
    assert collatio("run", "docs", mesh=FakeMesh(FakeGateway(Script(final_state=state)))).exit_code == 3


def test_mesh_that_does_not_come_up_exits_4(folder: Path) -> None:
    """Its error is one line with its reason, without a traceback."""
    error = CollatioError(Reason.SETTINGS_INVALID, "port 50050 is taken")
    result = collatio("run", "docs", mesh=FakeMesh(error=error))
    assert result.exit_code == 4
    assert result.stderr.splitlines()[0] == "collatio: SETTINGS_INVALID: port 50050 is taken"


def test_mesh_that_fails_meanwhile_exits_4(folder: Path) -> None:
    """A mesh that cannot go on ends the run with its own reason."""
    mesh = FakeMesh(FakeGateway(Script(hold=True)))
    mesh.failed = CollatioError(Reason.STAGE_UNAVAILABLE, "extract died again and again")
    result = collatio("run", "docs", mesh=mesh)
    assert result.exit_code == 4
    assert "collatio: STAGE_UNAVAILABLE: extract died again and again" in result.stderr
    assert mesh.stopped


def test_refused_job_exits_4(folder: Path) -> None:
    """A gateway that refuses is told with its reason and what to do."""
    script = Script(refuse=CollatioError(Reason.BACKLOG_FULL))
    result = collatio("run", "docs", mesh=FakeMesh(FakeGateway(script)))
    assert result.exit_code == 4
    assert "collatio: BACKLOG_FULL: " in result.stderr
    assert "add workers" in result.stderr
    assert "Traceback" not in result.stderr


def test_debug_shows_a_traceback(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """COLLATIO_DEBUG=1 and --debug give a developer more."""
    mesh = FakeMesh(error=CollatioError(Reason.SETTINGS_INVALID))
    assert "Traceback" in collatio("--debug", "run", "docs", mesh=mesh).stderr
    monkeypatch.setenv("COLLATIO_DEBUG", "1")
    assert "Traceback" in collatio("run", "docs", mesh=mesh).stderr


@pytest.mark.parametrize(
    "args",
    [
        ["run"],
        ["run", "docs", "--mode", "baseline"],
        ["run", "docs", "--mode", "explicit"],
        ["run", "docs", "--mode", "matched"],
        ["run", "docs", "--mode", "all-pairs", "--baseline", "docs/a.txt"],
        ["run", "docs", "--threshold", "0.5"],
        ["run", "docs", "--timeout", "soon"],
        ["run", "docs", "--label", "novalue"],
        ["run", "docs", "--data", "d", "--gateway", "h:1"],
        ["run", "docs", "--gateway", "nowhere"],
        ["run", "docs", "--pairs", "none.tsv"],
        ["run", "docs", "--files-from", "none.txt"],
        ["run", "docs", "-o", "docs/a.txt"],
        ["run", ""],
        ["extract", "docs", "-o", "no/where/x.jsonl"],
        ["results", "j", "-o", "out", "--kind", "failures"],
        ["up", "--root", "none"],
        ["nonsense"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_2(folder: Path, args: list[str]) -> None:
    """A wish that makes no sense is refused before a mesh is started."""
    mesh = FakeMesh()
    result = collatio(*args, mesh=mesh)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert mesh.opened == {}


def test_run_baseline_in_place(folder: Path) -> None:
    """Every document is compared with the baseline, which is a source of its own."""
    mesh = FakeMesh()
    assert collatio("run", "docs", "--baseline", "docs/a.txt", mesh=mesh).exit_code == 0
    stored = mesh.gateway.jobs["jobs/fake-1"]
    assert stored.job.spec.compare.baseline.source.uri == (folder / "a.txt").as_uri()
    assert len(stored.comparisons) == 2


def test_run_pairs_need_no_other_names(folder: Path) -> None:
    """What the pairs name is fetched; other documents are not."""
    Path("pairs.csv").write_text("# mine\ndocs/a.txt,docs/b.txt\n\ndocs/a.txt\tdocs/sub/ç d.txt\n")
    mesh = FakeMesh()
    assert collatio("run", "--pairs", "pairs.csv", mesh=mesh).exit_code == 0
    stored = mesh.gateway.jobs["jobs/fake-1"]
    assert len(stored.job.spec.sources) == 3
    assert len(stored.comparisons) == 2


def test_run_matched_in_place(folder: Path) -> None:
    """Two trees are matched by the mesh, by their sources' keys."""
    other = folder.parent / "other"
    other.mkdir()
    (other / "a.txt").write_text("one two")
    mesh = FakeMesh()
    assert collatio("run", "docs", "other", "--mode", "matched", mesh=mesh).exit_code == 0
    plan = mesh.gateway.jobs["jobs/fake-1"].job.spec.compare.matched
    assert (plan.left, plan.right) == ("docs", "other")
    assert len(mesh.gateway.jobs["jobs/fake-1"].comparisons) == 1


def test_options_reach_the_spec(folder: Path) -> None:
    """Globs, labels, time limit, threshold and bound on pairs are passed on."""
    mesh = FakeMesh()
    collatio(
        *["run", "docs", "docs/a.txt", "--include", "*.txt", "--exclude", "sub/", "--label", "team=a"],
        *["--timeout", "15m", "--mode", "near-duplicates", "--threshold", "0.9", "--max-pairs", "7"],
        mesh=mesh,
    )
    spec = mesh.gateway.jobs["jobs/fake-1"].job.spec
    assert (list(spec.sources[0].include), list(spec.sources[0].exclude)) == (["*.txt"], ["sub/"])
    assert not spec.sources[1].include
    assert dict(spec.labels) == {"team": "a"}
    assert spec.timeout.seconds == 900
    assert spec.compare.near_duplicates.threshold == 0.9
    assert spec.compare.max_pairs == 7


def test_files_from_stdin(folder: Path) -> None:
    """A list of names may come through a pipe."""
    result = collatio("run", "--files-from", "-", "--json", given="docs/a.txt\n# no\n\ndocs/b.txt\n")
    assert json.loads(result.stdout)["documents"]["found"] == 2


# a mesh elsewhere


def test_gateway_gets_uploads_named_as_typed(folder: Path, gateway: FakeGateway) -> None:
    """Elsewhere, paths are uploaded, and results call them by the path as typed."""
    (folder / "bad.txt").write_bytes(CORRUPT)
    result = collatio("run", "./docs", "-o", "out", "--gateway", gateway.target)
    assert result.exit_code == 1
    names = ["docs/a.txt", "docs/b.txt", "docs/bad.txt", "docs/sub/ç d.txt"]
    assert [each["uri"] for each in rows(Path("out/extractions.jsonl").read_text())] == names
    assert rows(Path("out/failures.jsonl").read_text())[0]["uri"] == "docs/bad.txt"
    first = rows(Path("out/comparisons.jsonl").read_text())[0]
    assert (first["left"], first["right"]) == ("docs/a.txt", "docs/b.txt")
    assert len(gateway.blobs) == 4


def test_gateway_from_the_environment(
    folder: Path, gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """COLLATIO_GATEWAY names the mesh for every command."""
    monkeypatch.setenv("COLLATIO_GATEWAY", gateway.target)
    mesh = FakeMesh()
    assert collatio("run", "docs", mesh=mesh).exit_code == 0
    assert mesh.opened == {}
    assert "jobs/fake-1" in collatio("list").stdout


def test_trace_of_the_caller_is_passed_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job started under a trace belongs to it; something else in TRACEPARENT is not sent."""
    traceparent = f"00-{TRACE_ID}-b7ad6b7169203331-01"
    for value, sent in ((traceparent, True), ("nonsense\n", False)):
        monkeypatch.setenv("TRACEPARENT", value)
        mesh = FakeMesh()
        assert collatio("run", "docs", mesh=mesh).exit_code == 0
        assert (("traceparent", traceparent) in mesh.gateway.metadata) is sent


def test_gateway_upload_honours_globs(folder: Path, gateway: FakeGateway) -> None:
    """Only the files that are wanted leave the machine."""
    collatio("run", "docs", "--exclude", "sub/", "--include", "*.txt", "--gateway", gateway.target)
    assert len(gateway.blobs) == 2


def test_gateway_with_unreadable_paths(folder: Path, gateway: FakeGateway) -> None:
    """A path that cannot be read here is a failed document beside the others."""
    os.mkfifo(folder / "pipe")
    result = collatio("run", "docs/a.txt", "none", "docs/pipe", "-o", "out", "--gateway", gateway.target)
    assert result.exit_code == 1
    failures = rows(Path("out/failures.jsonl").read_text())
    assert [(each["uri"], each["reason"]) for each in failures] == [
        ("none", "SOURCE_NOT_FOUND"),
        ("docs/pipe", "SOURCE_NOT_A_FILE"),
    ]
    assert [
        each.get("error", {}).get("reason") for each in rows(Path("out/extractions.jsonl").read_text())
    ] == [
        None,
        "SOURCE_NOT_FOUND",
        "SOURCE_NOT_A_FILE",
    ]


def test_gateway_with_nothing_readable_exits_3(folder: Path, gateway: FakeGateway) -> None:
    """Nothing to send is the job's failure, told with its reason."""
    Path("empty").mkdir()
    nothing = collatio("run", "none", "--gateway", gateway.target)
    assert (nothing.exit_code, "ALL_DOCUMENTS_FAILED" in nothing.stderr) == (3, True)
    empty = collatio("run", "empty", "--gateway", gateway.target)
    assert (empty.exit_code, "NO_DOCUMENTS" in empty.stderr) == (3, True)


def test_gateway_baseline_among_the_uploads(folder: Path, gateway: FakeGateway) -> None:
    """A baseline that is uploaded anyway is not uploaded twice, nor compared with itself."""
    assert collatio("run", "docs", "--baseline", "docs/b.txt", "--gateway", gateway.target).exit_code == 0
    stored = gateway.jobs["jobs/fake-1"]
    assert stored.job.spec.compare.baseline.key == "docs/b.txt"
    assert len(stored.comparisons) == 2


def test_gateway_baseline_of_its_own(folder: Path, gateway: FakeGateway) -> None:
    """A baseline outside the documents is a source of its own, called by its path."""
    Path("base.txt").write_text("one")
    collatio("run", "docs", "--baseline", "base.txt", "--gateway", gateway.target, "-o", "out")
    assert rows(Path("out/comparisons.jsonl").read_text())[0]["left"] == "base.txt"
    missing = collatio("run", "docs", "--baseline", "gone.txt", "--gateway", gateway.target)
    assert (missing.exit_code, "BASELINE_FAILED" in missing.stderr) == (3, True)


def test_gateway_pairs_and_matched(folder: Path, gateway: FakeGateway) -> None:
    """Uploaded documents are paired by key, two uploaded trees by relative path."""
    Path("pairs").write_text("docs/a.txt\tdocs/b.txt\n")
    assert collatio("run", "docs", "--pairs", "pairs", "--gateway", gateway.target).exit_code == 0
    assert len(gateway.jobs["jobs/fake-1"].comparisons) == 1
    other = folder.parent / "other"
    other.mkdir()
    (other / "a.txt").write_text("one two")
    assert collatio("run", "docs", "other", "--mode", "matched", "--gateway", gateway.target).exit_code == 0
    stored = gateway.jobs["jobs/fake-2"]
    assert [(each.left, each.right) for each in stored.job.spec.compare.explicit.pairs] == [
        ("docs/a.txt", "other/a.txt")
    ]
    mixed = collatio("run", "docs", "s3://b/", "--mode", "matched", "--gateway", gateway.target)
    assert mixed.exit_code == 2


def test_path_that_cannot_be_a_root_is_uploaded(folder: Path) -> None:
    """A name with the separator of path lists works all the same."""
    (folder / "x:y.txt").write_text("one")
    mesh = FakeMesh()
    result = collatio("run", "docs/x:y.txt", "docs/a.txt", mesh=mesh)
    assert result.exit_code == 0
    assert mesh.opened["roots"] == (folder / "a.txt",)
    assert "docs/x:y.txt" in result.stdout


def test_unreachable_gateway_exits_4(folder: Path) -> None:
    """An address where nobody listens is told with what to do."""
    for args in (["run", "docs"], ["list"], ["status", "x"], ["watch", "x"], ["mesh", "status"]):
        result = collatio(*args, "--gateway", "127.0.0.1:1")
        assert result.exit_code == 4, args
        assert "collatio: STAGE_UNAVAILABLE: The gateway at 127.0.0.1:1 does not answer" in result.stderr
        assert "collatio up" in result.stderr


# extract


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
        *("schemaVersion", "documentId", "uri", "sha256", "mediaType", "text", "pageCount", "tables"),
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


# the commands that need a mesh


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


def test_ctrl_c_cancels_the_job_and_stops_the_mesh(folder: Path) -> None:
    """An interrupted run leaves neither a job nor a mesh behind, and exits 130."""
    with start({"hold": True}, "run", "docs") as process:
        read_until(process.stderr, "queued")
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=10)
    assert time.monotonic() - began < 10
    assert process.returncode == 130
    assert "interrupted; jobs/fake-1 is being cancelled" in said
    assert "Traceback" not in said
    left = json.loads(said.splitlines()[-1])
    assert (left["stopped"], left["CancelJob"]) == (True, 1)


def test_sigterm_tidies_up_too(folder: Path) -> None:
    """A supervisor's stop is as tidy as Ctrl-C, and exits as the signal says."""
    with start({"hold": True}, "run", "docs") as process:
        read_until(process.stderr, "queued")
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=10)
    assert process.returncode == 143
    assert json.loads(said.splitlines()[-1])["stopped"]


def test_interrupted_run_leaves_the_output_as_it_was(folder: Path) -> None:
    """What stood in the folder stands there still, and nothing half-written beside it."""
    out = folder.parent / "out"
    out.mkdir()
    (out / "job.json").write_text("old")
    with start({"hold": True}, "run", "docs", "-o", "out", "--force") as process:
        read_until(process.stderr, "queued")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)
    assert [each.name for each in out.iterdir()] == ["job.json"]
    assert (out / "job.json").read_text() == "old"


def test_ctrl_c_leaves_a_watched_job_running(folder: Path) -> None:
    """Watching is not owning."""
    with served(Script(hold=True)) as gateway:
        collatio("submit", "docs", "--gateway", gateway.target)
        with start({}, "watch", "fake-1", "--gateway", gateway.target) as process:
            read_until(process.stderr, "queued")
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=10)
        assert process.returncode == 130
        assert gateway.calls["CancelJob"] == 0


@pytest.mark.parametrize(("signum", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_up_serves_until_it_is_stopped(folder: Path, signum: int, status: int) -> None:
    """`up` prints the address when it serves; SIGTERM is its ordinary end."""
    with start({}, "up", "--port", "50999", "--root", "docs") as process:
        assert process.stdout is not None
        assert re.fullmatch(r"127\.0\.0\.1:\d+\n", process.stdout.readline())
        process.send_signal(signum)
        _, said = process.communicate(timeout=10)
    assert process.returncode == status
    assert json.loads(said.splitlines()[-1])["stopped"]


def test_up_passes_its_options_on(folder: Path) -> None:
    """Port, data folder and roots reach the mesh; its failure ends the command with 4."""
    mesh = FakeMesh()
    mesh.failed = CollatioError(Reason.STAGE_UNAVAILABLE, "gone")
    result = collatio("up", "--port", "50999", "--data", "kept", "--root", "docs", mesh=mesh)
    assert result.exit_code == 4
    assert mesh.opened == {"data_dir": Path("kept"), "port": 50999, "roots": (folder,)}


def test_closed_output_is_no_error(folder: Path) -> None:
    """`collatio extract … | head` ends quietly."""
    (folder / "big.txt").write_text("word " * 1_000_000)
    with start({}, "extract", "docs") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        said = process.stderr.read()
        process.wait(20)
    assert process.returncode == 141
    assert "Traceback" not in said
    assert "BrokenPipe" not in said


@pytest.mark.parametrize(("env", "colour"), [({"NO_COLOR": "1"}, False), ({}, True)])
def test_bars_on_a_terminal(folder: Path, env: dict[str, str], colour: bool) -> None:
    """A terminal gets a bar a stage, without colour where NO_COLOR is set."""
    ours, theirs = pty.openpty()
    plain = {key: value for key, value in os.environ.items() if key not in {"NO_COLOR", "TERM"}}
    environment = {**plain, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", **env}
    with start({}, "run", "docs", stderr=theirs, text=False, env=environment) as process:
        os.close(theirs)
        said = b""
        while chunk := _read(ours):
            said += chunk
        process.communicate(timeout=20)
    os.close(ours)
    assert process.returncode == 0
    assert all(stage in said for stage in (b"fetch", b"extract", b"compare"))
    assert (re.search(rb"\x1b\[[0-9;]*3[0-9]", said) is not None) == colour


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # how Linux tells that the other end is closed
        return b""


def test_help_loads_nothing_heavy() -> None:
    """--help and version are quick because they import neither gRPC nor rich nor protobuf."""
    code = (
        "import sys\nfrom collatio.cli.program import program\n"
        "try:\n    program.main(sys.argv[1:])\n"
        "except SystemExit:\n    print([n for n in ('grpc', 'rich', 'google.protobuf') if n in sys.modules])"
    )
    for args in (["--help"], ["run", "--help"], ["version"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *args], capture_output=True, text=True, check=True, cwd=ROOT
        )
        assert done.stdout.splitlines()[-1] == "[]"
