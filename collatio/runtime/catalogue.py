"""The catalogue of reasons: for each its category, whether trying again can help, its meaning and the remedy.

`docs/errors.md` is made from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from collatio.runtime.reasons import Category, Entry, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

_C = Category
CATALOGUE: Mapping[Reason, Entry] = {
    Reason.INVALID_REQUEST: Entry(
        _C.INVALID,
        False,
        "The request breaks the contract.",
        "Read the field violations and correct the request.",
    ),
    Reason.INVALID_PAGE_TOKEN: Entry(
        _C.INVALID,
        False,
        "The page token was not made by this list call.",
        "Start again without a token, with the same filter on every page.",
    ),
    Reason.TOO_MANY_DOCUMENTS: Entry(
        _C.INVALID,
        False,
        "The job names more documents than the mesh accepts.",
        "Split the job; GetCapabilities states the limit.",
    ),
    Reason.JOB_NOT_FOUND: Entry(
        _C.NOT_FOUND,
        False,
        "No such job, or it is not yours.",
        "Check the name. Where `metadata.cause` is STORE_LOST, the state store has lost it: create it again.",
    ),
    Reason.JOB_EXPIRED: Entry(
        _C.NOT_FOUND,
        False,
        "The job's results have expired; its record is kept.",
        "Run the job again; raise result_ttl to keep results longer.",
    ),
    Reason.JOB_ALREADY_EXISTS: Entry(
        _C.EXISTS,
        False,
        "A job with this job_id exists.",
        "Choose another job_id, or use request_id for safe repeats.",
    ),
    Reason.REQUEST_ID_REUSED: Entry(
        _C.EXISTS,
        False,
        "This request_id was used for a different request.",
        "Use a new UUID4 for each distinct request.",
    ),
    Reason.JOB_ALREADY_ENDED: Entry(
        _C.PRECONDITION, False, "The job has already ended.", "Nothing to cancel; read its results."
    ),
    Reason.JOB_NOT_ENDED: Entry(
        _C.PRECONDITION, False, "The job is still running.", "Wait for its end or cancel it first."
    ),
    Reason.ETAG_MISMATCH: Entry(
        _C.PRECONDITION, False, "The resource changed since it was read.", "Read it again and decide anew."
    ),
    Reason.DOCUMENT_NOT_FOUND: Entry(
        _C.NOT_FOUND,
        False,
        "The job has no such document, or it has no extraction.",
        "List the job's documents.",
    ),
    Reason.COMPARISON_NOT_FOUND: Entry(
        _C.NOT_FOUND, False, "The job has no such comparison.", "List the job's comparisons."
    ),
    Reason.BLOB_NOT_FOUND: Entry(
        _C.NOT_FOUND,
        False,
        "The blob store holds no such digest.",
        "Upload it, or run the job that makes it again.",
    ),
    Reason.BLOB_DIGEST_MISMATCH: Entry(
        _C.INVALID,
        False,
        "The bytes do not have the stated digest or size.",
        "Compute the SHA-256 of exactly the bytes sent.",
    ),
    Reason.BLOB_TOO_LARGE: Entry(
        _C.INVALID, False, "The blob is larger than the mesh accepts.", "GetCapabilities states the limit."
    ),
    Reason.BLOB_STORE_FULL: Entry(
        _C.EXHAUSTED, True, "The blob store has no room.", "Free space or enlarge the store, then try again."
    ),
    Reason.BLOB_STORE_UNAVAILABLE: Entry(
        _C.UNAVAILABLE, True, "The blob store cannot be reached.", "Try again after the stated delay."
    ),
    Reason.BLOB_STORE_MISMATCH: Entry(
        _C.PRECONDITION,
        False,
        "Ledger and blob store belong to different meshes.",
        "Point both settings at the stores of one mesh.",
    ),
    Reason.STATE_STORE_UNAVAILABLE: Entry(
        _C.UNAVAILABLE,
        True,
        "Valkey cannot be reached or refuses writes.",
        "Try again after the stated delay; accepted jobs resume by themselves.",
    ),
    Reason.STATE_STORE_FULL: Entry(
        _C.EXHAUSTED,
        True,
        "Valkey is nearly full; running jobs keep the rest.",
        "Wait for jobs to end or raise its memory.",
    ),
    Reason.QUOTA_EXCEEDED: Entry(
        _C.EXHAUSTED,
        True,
        "Too much at once from this caller.",
        "Slow down; try again after the stated delay.",
    ),
    Reason.BACKLOG_FULL: Entry(
        _C.EXHAUSTED,
        True,
        "The stage's backlog is at its bound.",
        "Try again after the stated delay or add workers.",
    ),
    Reason.REPORT_LIMIT: Entry(
        _C.EXHAUSTED,
        False,
        "The job is too large for one report.",
        "Ask for CSV or JSON, or take the results themselves: `collatio results -o`.",
    ),
    Reason.DEADLINE_EXCEEDED: Entry(
        _C.DEADLINE, True, "The call's deadline passed.", "Allow more time; work another call wants goes on."
    ),
    Reason.CANCELLED: Entry(
        _C.CANCELLED, False, "The caller cancelled.", "Nothing; ask again if it is wanted after all."
    ),
    Reason.SHUTTING_DOWN: Entry(
        _C.UNAVAILABLE, True, "This server is stopping.", "Reconnect; another replica answers."
    ),
    Reason.STAGE_UNAVAILABLE: Entry(
        _C.UNAVAILABLE,
        True,
        "A stage service cannot be reached.",
        "Try again; look at `collatio mesh status`.",
    ),
    Reason.UNREACHABLE: Entry(
        _C.UNAVAILABLE,
        True,
        "The server cannot be reached.",
        "Check the address, and that the mesh is up; then try again.",
    ),
    Reason.METHOD_NOT_IMPLEMENTED: Entry(
        _C.UNIMPLEMENTED,
        False,
        "This version does not have the method yet.",
        "Upgrade the mesh; GetCapabilities states its version.",
    ),
    Reason.SETTINGS_INVALID: Entry(
        _C.PRECONDITION, False, "The program's settings are faulty.", "Correct every fault the message lists."
    ),
    Reason.INTERNAL: Entry(_C.INTERNAL, False, "A fault of ours.", "Report it with the trace id."),
    Reason.NO_DOCUMENTS: Entry(
        _C.PRECONDITION,
        False,
        "The sources hold no document.",
        "Check the folder and the include and exclude globs.",
    ),
    Reason.BASELINE_FAILED: Entry(
        _C.PRECONDITION,
        False,
        "The baseline document failed, so nothing could be compared with it.",
        "Read the baseline's own failure.",
    ),
    Reason.ALL_DOCUMENTS_FAILED: Entry(
        _C.PRECONDITION, False, "Every document failed.", "Read the documents' own failures."
    ),
    Reason.DOCUMENT_FAILED: Entry(
        _C.PRECONDITION,
        False,
        "A document failed and the job was asked to fail fast.",
        "Read the document's failure, or use best_effort.",
    ),
    Reason.QUORUM_MISSED: Entry(
        _C.PRECONDITION,
        False,
        "Fewer documents succeeded than the quorum asks.",
        "Read the failures or lower the fraction.",
    ),
    Reason.TOO_MANY_PAIRS: Entry(
        _C.PRECONDITION,
        False,
        "The plan makes more pairs than max_pairs.",
        "Use baseline or near_duplicates, or raise max_pairs; the extractions are kept.",
    ),
    Reason.JOB_DEADLINE_EXCEEDED: Entry(
        _C.DEADLINE, True, "The job's timeout passed.", "Allow more time; finished work is reused."
    ),
    Reason.URI_INVALID: Entry(
        _C.INVALID, False, "The URI cannot be read.", "Write it as scheme:…, percent-encoded."
    ),
    Reason.URI_SCHEME_UNSUPPORTED: Entry(
        _C.INVALID,
        False,
        "No source serves this scheme here.",
        "Use a scheme GetCapabilities lists, or install the plugin.",
    ),
    Reason.URI_NOT_ALLOWED: Entry(
        _C.DENIED,
        False,
        "The address is not one this mesh may reach.",
        "Only public addresses are fetched; ask the operator to allow the host.",
    ),
    Reason.PATH_OUTSIDE_ROOT: Entry(
        _C.DENIED,
        False,
        "The path is outside the configured roots.",
        "Ask the operator to add a root, or upload the bytes.",
    ),
    Reason.SOURCE_NOT_FOUND: Entry(_C.NOT_FOUND, False, "Nothing is at this address.", "Check the URI."),
    Reason.SOURCE_PERMISSION_DENIED: Entry(
        _C.DENIED, False, "The source refuses to be read.", "Grant the mesh read access."
    ),
    Reason.SOURCE_CREDENTIALS_MISSING: Entry(
        _C.DENIED,
        False,
        "The mesh has no credentials for this source.",
        "Configure them on the fetch workers.",
    ),
    Reason.SOURCE_NOT_A_FILE: Entry(
        _C.INVALID,
        False,
        "Not a regular file or folder.",
        "Name a file or a folder; devices, sockets and pipes are not read.",
    ),
    Reason.SOURCE_TOO_LARGE: Entry(
        _C.INVALID,
        False,
        "The document is larger than the byte cap.",
        "Split it or ask the operator to raise the cap.",
    ),
    Reason.SOURCE_TIMEOUT: Entry(_C.DEADLINE, True, "The source answered too slowly.", "Try again."),
    Reason.SOURCE_UNAVAILABLE: Entry(
        _C.UNAVAILABLE, True, "The source cannot be reached or answers with an error.", "Try again."
    ),
    Reason.SOURCE_CHANGED: Entry(
        _C.UNAVAILABLE, True, "The source changed while it was read.", "Try again when it is still."
    ),
    Reason.INPUT_LOST: Entry(
        _C.DATA_LOSS,
        True,
        "The fetched bytes are gone from the blob store.",
        "The gateway fetches again; check the store if this recurs.",
    ),
    Reason.FORMAT_UNSUPPORTED: Entry(
        _C.INVALID,
        False,
        "No extractor reads this format.",
        "GetCapabilities lists the formats; install a plugin.",
    ),
    Reason.DOCUMENT_CORRUPT: Entry(
        _C.INVALID,
        False,
        "The bytes are not a readable document of their format.",
        "Check the file in its own program.",
    ),
    Reason.ENCRYPTED: Entry(
        _C.PRECONDITION,
        False,
        "The document is locked with a password.",
        "Give its password or an unlocked copy.",
    ),
    Reason.EXTRACT_TIMEOUT: Entry(
        _C.DEADLINE,
        False,
        "Reading the document took longer than its limit.",
        "Ask the operator to raise the limit for this document.",
    ),
    Reason.MEMORY_LIMIT: Entry(
        _C.EXHAUSTED,
        False,
        "Reading the document took more memory than its limit.",
        "Ask the operator to raise the limit.",
    ),
    Reason.OUTPUT_LIMIT: Entry(
        _C.EXHAUSTED, False, "The result is larger than its limit.", "Ask the operator to raise the limit."
    ),
    Reason.DECOMPRESSION_LIMIT: Entry(
        _C.EXHAUSTED,
        False,
        "The document inflates beyond the limits.",
        "It looks like a decompression bomb; check where it came from.",
    ),
    Reason.NESTING_LIMIT: Entry(
        _C.EXHAUSTED, False, "The document nests deeper than the limit.", "Unpack it before submitting."
    ),
    Reason.XML_DTD_FORBIDDEN: Entry(
        _C.INVALID,
        False,
        "The XML declares entities that are not allowed.",
        "Remove the document type declaration.",
    ),
    Reason.PARSER_CRASHED: Entry(
        _C.INTERNAL,
        False,
        "The parser died on this document, twice.",
        "The document is quarantined; report it with the trace id.",
    ),
    Reason.ENGINE_FAILED: Entry(
        _C.INTERNAL, False, "The engine met something it cannot handle.", "Report it with the trace id."
    ),
    Reason.COMPARE_TIMEOUT: Entry(
        _C.DEADLINE, False, "Comparing took longer than its limit.", "Ask the operator to raise the limit."
    ),
    Reason.COMPARER_CRASHED: Entry(
        _C.INTERNAL, False, "The comparer died on these documents, twice.", "Report it with the trace id."
    ),
    Reason.NO_TEXT: Entry(
        _C.PRECONDITION, False, "The document has no text to compare.", "It may be a scan; read it with OCR."
    ),
    Reason.EXTRACTION_LOST: Entry(
        _C.DATA_LOSS,
        True,
        "An extraction is gone from the blob store.",
        "The gateway extracts again; check the store if this recurs.",
    ),
    Reason.SANDBOX_UNAVAILABLE: Entry(
        _C.UNAVAILABLE,
        True,
        "The worker could not make a sandbox for the work.",
        "Try again; look at the worker's log if it recurs.",
    ),
    Reason.ATTEMPTS_EXHAUSTED: Entry(
        _C.UNAVAILABLE,
        True,
        "The step failed too often for reasons outside the document.",
        "See `collatio quarantine`; replay it once the cause is mended.",
    ),
}
