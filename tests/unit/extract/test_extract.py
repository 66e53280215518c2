"""The engine's entry: one result a document, typed errors only, honest emptiness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from collatio.runtime.errors import CollatioError, Reason
from extract_svc.engine.extract import extract, extract_one
from extract_svc.engine.model import Block, BlockKind, Document, Extraction, Limits, Options
from extract_svc.engine.registry import Registry

if TYPE_CHECKING:
    from tests.unit.extract.conftest import Run


@dataclass(frozen=True)
class Faulty:
    """An extractor that raises what it is told to."""

    error: Exception
    name: str = "faulty"
    version: str = "1"
    media_types: frozenset[str] = frozenset(("application/x-faulty",))
    priority: int = 0
    needs_network: bool = False

    def extract(self, document: Document, options: Options) -> Extraction:
        """Fail."""
        raise self.error


def test_no_bytes_warn_empty(run: Run) -> None:
    """A document of no bytes is an extraction that warns EMPTY, never an error."""
    found = run(b"", "contract.pdf")
    assert [warning.code for warning in found.warnings] == ["EMPTY"]
    assert found.text == ""


def test_only_white_space_warns_no_text(run: Run) -> None:
    """A document without text says so."""
    assert [warning.code for warning in run(b" \n\t\n", "a.txt").warnings] == ["NO_TEXT"]


def test_unknown_bytes_are_unsupported(run: Run) -> None:
    """Bytes of no known format fail as such."""
    with pytest.raises(CollatioError) as caught:
        run(bytes(range(256)) * 4, "random.bin")
    assert caught.value.reason is Reason.FORMAT_UNSUPPORTED


def test_plain_text_under_a_packaged_name_is_corrupt(run: Run) -> None:
    """A text saved where a package was promised is a broken document, not a text."""
    with pytest.raises(CollatioError) as caught:
        run(b"404 page not found", "report.docx")
    assert caught.value.reason is Reason.DOCUMENT_CORRUPT


def test_batch_yields_failures_in_place(registry: Registry) -> None:
    """A failed document is yielded in its place and does not stop the batch."""
    documents = [Document(b"one", "a.txt"), Document(bytes(range(256)), "b"), Document(b"two", "c.txt")]
    first, second, third = extract(documents, Options(), registry)
    assert isinstance(first, Extraction)
    assert isinstance(second, CollatioError)
    assert isinstance(third, Extraction)
    assert (first.text, third.text) == ("one", "two")


@pytest.mark.parametrize(
    ("raised", "reason"),
    [
        (KeyError("x"), Reason.DOCUMENT_CORRUPT),
        (RecursionError(), Reason.NESTING_LIMIT),
        (MemoryError(), Reason.MEMORY_LIMIT),
        (RuntimeError("engine"), Reason.ENGINE_FAILED),
        (CollatioError(Reason.ENCRYPTED), Reason.ENCRYPTED),
    ],
)
def test_parser_faults_become_typed_errors(raised: Exception, reason: Reason) -> None:
    """Whatever a parser raises leaves the engine as a typed error without its text."""
    with pytest.raises(CollatioError) as caught:
        extract_one(Document(b"x", media_type="application/x-faulty"), Options(), Registry([Faulty(raised)]))
    assert caught.value.reason is reason
    assert "engine" not in caught.value.message or reason is Reason.ENGINE_FAILED


def test_output_limit_gives_a_partial_result(run: Run) -> None:
    """Past an output limit the document keeps what was read and warns PARTIAL."""
    text = "\n\n".join(f"paragraph {n}" for n in range(100))
    found = run(text, "a.txt", Options(limits=Limits(max_characters=100)))
    assert 0 < len(found.text) <= 130
    assert "PARTIAL" in {warning.code for warning in found.warnings}


def test_language_and_engine_are_told(run: Run) -> None:
    """Every extraction names its engine and the language of its text."""
    found = run("Dieser Vertrag wird zwischen dem Lieferanten und dem Kunden geschlossen. " * 3, "a.txt")
    assert found.metadata.language == "de"
    assert found.engine.startswith("text@")


def test_a_language_is_not_guessed_where_nobody_asks(run: Run) -> None:
    """Without the wish for it none is told from the text; one that the document states still is."""
    text = "Dieser Vertrag wird zwischen dem Lieferanten und dem Kunden geschlossen. " * 3
    assert run(text, "a.txt", Options(detect_language=False)).metadata.language == ""
    page = f'<html lang="de"><p>{text}</p></html>'
    assert run(page, "a.html", Options(detect_language=False)).metadata.language == "de"


def test_text_joins_the_blocks() -> None:
    """The whole text is the blocks' texts joined by blank lines."""
    blocks = (Block(BlockKind.HEADING, "A"), Block(BlockKind.PARAGRAPH, "b"))
    assert Extraction("text/plain", blocks=blocks).text == "A\n\nb"


def test_twice_is_equal(run: Run) -> None:
    """The same bytes give an equal extraction."""
    page = b"<html><title>T</title><table><tr><td>a<td>b</table><p>x <a href=u>y</a></html>"
    assert run(page) == run(page)
