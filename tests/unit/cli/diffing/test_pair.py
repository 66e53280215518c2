"""Two documents, diffed."""

from __future__ import annotations

import pytest

from collatio.cli.diffing.model import Members, PairDiff, Side
from collatio.cli.diffing.pair import diff_pair
from collatio.plugins.comparators import ChangeKind, Options
from collatio.runtime.errors import CollatioError, Reason
from tests.unit.cli.diffing.given import ARTIFACT, INSERTED, FakeEngines


def diffed(left: bytes, right: bytes, engines: FakeEngines | None = None, **options: bool) -> PairDiff:
    """Diff two contents named a and b."""
    return diff_pair(engines or FakeEngines(), Side("a", left), Side("b", right), Options(), **options)


def test_equal_bytes_are_not_read() -> None:
    """Even a document that nobody can read is the same as itself."""
    engines = FakeEngines()
    assert not diffed(b"corrupt", b"corrupt", engines).different
    assert engines.read_names == []


def test_likely_artefacts_do_not_count_unless_asked_for() -> None:
    """They are counted apart, so that nothing is hidden without a word."""
    engines = FakeEngines((ARTIFACT,))
    found = diffed(b"x", b"y", engines)
    assert (found.different, found.changes, found.artifacts_hidden) == (False, (), 1)
    asked = diffed(b"x", b"y", engines, artifacts=True)
    assert (asked.different, asked.changes, asked.artifacts_hidden) == (True, (ARTIFACT,), 0)


def test_changes_make_a_difference() -> None:
    """What the comparison lists is what is shown."""
    found = diffed(b"x", b"y")
    assert (found.different, found.changes) == (True, (INSERTED,))


@pytest.mark.parametrize(
    ("left", "right", "kind"), [(b"", b"x", ChangeKind.INSERTED), (b"x", b"", ChangeKind.DELETED)]
)
def test_empty_file_differs_by_all_of_the_other(left: bytes, right: bytes, kind: ChangeKind) -> None:
    """An empty file is known to say nothing, which a scan is not."""
    assert [each.kind for each in diffed(left, right).changes] == [kind]


def test_scan_is_trouble_never_the_same() -> None:
    """Two scans, or a scan and a text: nobody can tell, and the name and the reason are told."""
    for left, right in ((b"scan 1", b"scan 2"), (b"x", b"scan"), (b"", b"scan")):
        with pytest.raises(CollatioError) as caught:
            diffed(left, right)
        assert caught.value.reason is Reason.NO_TEXT
        assert "b: It may be a scan." in caught.value.message


def test_broken_document_is_named() -> None:
    """Which of the two it is has to be told."""
    with pytest.raises(CollatioError, match="b: It is broken") as caught:
        diffed(b"x", b"corrupt")
    assert caught.value.reason is Reason.DOCUMENT_CORRUPT


def test_documents_within_are_compared_by_bytes() -> None:
    """Archives differ by what they hold; those that hold the same are the same."""
    held = {"a": {"x": "1", "y": "1", "z": "1"}, "b": {"x": "1", "y": "2", "new": "3"}}
    found = diffed(b"scan a", b"scan b", FakeEngines(members=held))
    assert found.members == Members(("z",), ("new",), ("y",))
    assert found.different
    assert not diffed(b"scan a", b"scan b", FakeEngines(members={"a": held["a"], "b": held["a"]})).different


def test_attachments_count_beside_the_text() -> None:
    """Mails that say the same with other attachments are not the same."""
    held = {"a": {"x": "1"}, "b": {"x": "2"}}
    assert diffed(b"x", b"y", FakeEngines((), held)).different
