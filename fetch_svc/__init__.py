"""Stage 1: URIs in, blobs out.

Promises: every document of a source gets one outcome, bytes in the blob store or a typed error; nothing is read
but what the operator allows; bytes are reused only where the source itself vouches that they are unchanged.
Read `server` for the stream, `tasks` for the work, `sources/` for the places documents come from.
"""
