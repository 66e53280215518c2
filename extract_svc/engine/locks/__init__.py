"""Opens what is locked with a password, when a source was given one that fits.

A file a family of ciphers, each citing the specification it follows; the ciphers themselves are `cryptography`'s,
imported when the first lock is tried. Nothing is written anywhere: a document is opened in memory.
"""
