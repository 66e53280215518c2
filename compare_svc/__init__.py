"""Stage 3: extractions in, comparisons and clusters out.

Promises: every planned pair gets one outcome, compared, not comparable or failed; equal pairs and options are
compared once; the plan's pairs travel in tiles, never one by one. Read `server` for the stream, `tasks` for the
work, `engine/` for the comparing.
"""
