"""Body: bytes that are sent often, compressed and named once."""

import gzip
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

from flask import Response, request
from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header

MAX_ACCEPT: Final = 200  # characters of Accept-Encoding that are read


@dataclass(frozen=True, kw_only=True)
class Body:
    """What a URL answers with: its bytes, the same compressed, and a name made from them.

    Attributes
    ----------
    raw : bytes
        As they are.
    gzip : bytes or None
        Compressed, where that is shorter.
    content_type : str
        Value of ``Content-Type``.
    digest : str
        The entity tag; the compressed form has one of its own, because a strong tag names bytes.
    """

    raw: bytes
    gzip: bytes | None
    content_type: str
    digest: str

    @classmethod
    def of(cls, raw: bytes, content_type: str) -> Self:
        """Compress and name some bytes."""
        packed = gzip.compress(raw, compresslevel=9, mtime=0)
        digest = hashlib.sha256(raw).hexdigest()[:32]
        return cls(raw=raw, gzip=packed if len(packed) < len(raw) else None, content_type=content_type, digest=digest)

    def respond(self, *, cache_control: str, status: int = 200) -> Response:
        """Answer the request at hand, compressed if it accepts that, 304 if it has these bytes already."""
        environ = request.environ
        headers = [("Content-Type", self.content_type), ("Vary", "Accept-Encoding"), ("Cache-Control", cache_control)]
        if self.gzip is not None and accepts_gzip(environ.get("HTTP_ACCEPT_ENCODING", "")[:MAX_ACCEPT]):
            headers += [("Content-Encoding", "gzip"), ("ETag", f'"{self.digest}-gzip"')]
            response = Response(self.gzip, status, headers)
        else:
            headers.append(("ETag", f'"{self.digest}"'))
            response = Response(self.raw, status, headers)
        if status == 200 and "HTTP_IF_NONE_MATCH" in environ:
            response.make_conditional(environ)
        return response


@lru_cache(maxsize=256)
def accepts_gzip(accept_encoding: str) -> bool:
    """Whether a client takes gzip; the few headers that browsers send are read once.

    >>> [accepts_gzip(value) for value in ("gzip, deflate, br", "*", "gzip;q=0", "br", "")]
    [True, True, False, False, False]
    """
    return parse_accept_header(accept_encoding, Accept).quality("gzip") > 0
