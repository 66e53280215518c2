"""Where documents come from: one file a source, behind one façade (`registry.Sources`).

Importing this package, the façade included, loads no HTTP or object-store library; a source is loaded when a
URI of its scheme is first asked for.
"""
