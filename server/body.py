"""Body: bytes that are sent often, compressed and named once."""

import gzip
import hashlib
from dataclasses import dataclass
from typing import Self

from flask import Response, request


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
        if self.gzip is not None and request.accept_encodings.quality("gzip") > 0:
            response = Response(self.gzip, status, content_type=self.content_type)
            response.content_encoding = "gzip"
            response.set_etag(f"{self.digest}-gzip")
        else:
            response = Response(self.raw, status, content_type=self.content_type)
            response.set_etag(self.digest)
        response.vary.add("Accept-Encoding")
        response.headers["Cache-Control"] = cache_control
        if status == 200:
            response.make_conditional(request)
        return response
