"""Stage 2: blobs in, extractions out.

Promises: every document gets one outcome, an extraction or a typed error, whatever its bytes do to a parser;
equal bytes, options and engine give equal extractions and are extracted once; members of archives and mails
are documents of their own. Read `server` for the stream, `tasks` for the work, `engine/` for the reading.
"""
