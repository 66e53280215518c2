"""Reads documents: bytes in, `Extraction` out. No I/O but the bytes it is given."""
