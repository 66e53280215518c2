"""`collatio run` over a real connection: what it prints, what it writes, how it exits."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from collatio.runtime.errors import CollatioError, Reason
from collatio.v1 import gateway_pb2 as pb
from tests.wire.fake_gateway import CORRUPT, SCAN, TRACE_ID, FakeGateway, FakeMesh, Script

if TYPE_CHECKING:
    pass
from tests.wire.cli_bench import collatio, rows


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
    """-o leaves rows, conclusions and the report; rows carry a schema version and come in a stable order."""
    (folder / "bad.txt").write_bytes(CORRUPT)
    (folder / "scan.txt").write_bytes(SCAN)
    result = collatio("run", "docs", "-o", "out")
    out = Path("out")
    files = [
        "clusters.json",
        "comparisons.jsonl",
        "conclusion.json",
        "extractions.jsonl",
        "failures.jsonl",
        "families.json",
        "job.json",
        "report.html",
        "summary.csv",
    ]
    assert sorted(each.name for each in out.iterdir() if each.is_file()) == files
    assert all(f"out/{each}" in result.stdout for each in files)
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


def test_fail_on_different_tells_a_pipeline(folder: Path) -> None:
    """5 where a pair differs; a document that failed comes before that; only when asked."""
    assert collatio("run", "docs", "--fail-on", "different").exit_code == 5
    assert collatio("run", "docs", "missing", "--fail-on", "different").exit_code == 1
    assert collatio("run", "docs").exit_code == 0


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
        ["run", "docs", "--mode", "none", "--ignore-case"],
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


def test_what_does_not_matter_reaches_the_spec(folder: Path) -> None:
    """Case, white space, page furniture, patterns and comparators are passed on; unset they are not there."""
    mesh = FakeMesh()
    ignoring = [
        "-i",
        "-w",
        "--ignore-furniture",
        "-I",
        r"\[[A-Z]+\]",
        "--ignore",
        "x+",
        "--comparator",
        "mine",
    ]
    collatio("run", "docs", *ignoring, mesh=mesh)
    compare = mesh.gateway.jobs["jobs/fake-1"].job.spec.compare
    assert (compare.ignore.case, compare.ignore.whitespace, compare.ignore.page_furniture) == (
        True,
        True,
        True,
    )
    assert list(compare.ignore.patterns) == [r"\[[A-Z]+\]", "x+"]
    assert list(compare.comparators) == ["mine"]
    plain = FakeMesh()
    collatio("run", "docs", mesh=plain)
    assert not plain.gateway.jobs["jobs/fake-1"].job.spec.compare.HasField("ignore")


def test_files_from_stdin(folder: Path) -> None:
    """A list of names may come through a pipe."""
    result = collatio("run", "--files-from", "-", "--json", given="docs/a.txt\n# no\n\ndocs/b.txt\n")
    assert json.loads(result.stdout)["documents"]["found"] == 2


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
    told = collatio(
        *["run", "docs", "other", "--mode", "matched", "--gateway", gateway.target, "--fail-on", "different"]
    )
    assert told.exit_code == 5
    lines = [line.split() for line in told.stdout.splitlines()]
    assert lines[lines.index(["on", "one", "side", "only"]) + 1] == ["docs", "b.txt"]
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
