"""Zstandard (RFC 8878): the standard library's, which came with Python 3.14, or the same as a package before that."""

from __future__ import annotations

import sys

from collatio.runtime.errors import CollatioError, Reason

_WINDOW_LOG_MAX = 27  # 128 MiB, as for LZMA


class Inflater:
    """Inflates one frame, in the shape of the standard library's other decompressors.

    Errors: CollatioError DECOMPRESSION_LIMIT for a frame that asks for too much memory, ValueError for a broken one.
    """

    def __init__(self) -> None:
        if sys.version_info >= (3, 14):
            from compression import zstd  # noqa: PLC0415 - few archives are packed by it
        else:
            from backports import zstd  # noqa: PLC0415 - same
        self._error = zstd.ZstdError
        self._frame = zstd.ZstdDecompressor(
            options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG_MAX}
        )

    @property
    def eof(self) -> bool:
        """Whether the frame has ended."""
        return self._frame.eof

    @property
    def unused_data(self) -> bytes:
        """What stands behind the frame."""
        return self._frame.unused_data

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """Inflate up to so many bytes; input that was not used is kept."""
        try:
            return self._frame.decompress(data, max_length)
        except self._error as error:
            if "memory" in str(error):
                raise CollatioError(
                    Reason.DECOMPRESSION_LIMIT, "Inflating asks for too much memory."
                ) from error
            raise ValueError("a broken frame") from error
