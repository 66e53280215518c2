"""The compare stage's pure part: documents in, plans, comparisons and conclusions out; no I/O, no protobuf."""
