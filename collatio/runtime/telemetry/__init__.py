"""Traces, metrics and logs: one job is one trace, whatever processes it passes through.

A program calls `provider.configure` once in its own process (a pool child: after the fork) and hands the
`Tracing` and `Instruments` it gets down by argument. Nothing here is global. `reader` reads the trace files
back and imports none of the rest, so that a command which only shows a trace starts quickly.
"""
