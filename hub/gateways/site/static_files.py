"""The files below `/static/`: read once, compressed once, and served from memory under a version of their contents."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from aiohttp import hdrs, web

from hub.core.errors import NotFound

VERSION = "v"  # the query parameter; the answer to an address that has it never changes
_IMMUTABLE = "public, max-age=31536000, immutable"
_REVALIDATED = "no-cache"
_MIN_GZIP_BYTES = 512
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json; charset=utf-8",
    ".map": "application/json",
    ".mp3": "audio/mpeg",
    ".png": "image/png",
    ".svg": "image/svg+xml; charset=utf-8",
    ".webmanifest": "application/manifest+json; charset=utf-8",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
_COMPRESSED = frozenset({".css", ".html", ".js", ".json", ".map", ".svg", ".webmanifest"})


@dataclass(frozen=True)
class StaticFile:
    """One file as it is sent.

    Attributes:
        suffix: With its dot; it decides the content type.
    """

    body: bytes
    suffix: str

    @cached_property
    def gzipped(self) -> bytes | None:
        """The body compressed, made when it is first asked for; None if that saves nothing."""
        if self.suffix not in _COMPRESSED or len(self.body) < _MIN_GZIP_BYTES:
            return None
        press = zlib.compressobj(9, zlib.DEFLATED, 31)
        return press.compress(self.body) + press.flush()

    @cached_property
    def etag(self) -> str:
        """The hash of the contents."""
        return hashlib.sha256(self.body).hexdigest()[:20]

    def response(self, request: web.BaseRequest, cache: str, headers: Mapping[str, str] | None = None) -> web.Response:
        """Return the file, or 304 if the caller has it already."""
        gzipped = self.gzipped if "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, "") else None
        # Each encoding is another representation, so it has another tag.
        tag = f"{self.etag}-gz" if gzipped is not None else self.etag
        sent = {hdrs.CACHE_CONTROL: cache, hdrs.ETAG: f'"{tag}"', hdrs.VARY: hdrs.ACCEPT_ENCODING, **(headers or {})}
        if any(known.value in ("*", tag) for known in getattr(request, "if_none_match", None) or ()):
            return web.Response(status=304, headers=sent)
        sent[hdrs.CONTENT_TYPE] = _TYPES.get(self.suffix, "application/octet-stream")
        if gzipped is not None:
            sent[hdrs.CONTENT_ENCODING] = "gzip"
        return web.Response(body=gzipped if gzipped is not None else self.body, headers=sent)


class StaticFiles:
    """Files by their path below `/static/`.

    Args:
        version: Of all files together: modules of two versions never meet.
    """

    def __init__(self, files: Mapping[str, StaticFile], version: str) -> None:
        self._files = files
        self.version = version

    async def serve(self, request: web.Request) -> web.Response:
        """Answer a request for a file.

        Raises:
            NotFound: There is no such file, or it was asked for in another version.
        """
        found = self._files.get(request.match_info["path"])
        asked = request.query.get(VERSION)
        if found is None or asked not in (None, self.version):
            raise NotFound("there is nothing at this address")
        return found.response(request, _REVALIDATED if asked is None else _IMMUTABLE)


def read_folder(folder: Path) -> dict[str, bytes]:
    """Return the contents of all files below a folder by their relative paths."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def version_of(contents: Mapping[str, bytes]) -> str:
    """Return a short hash of all files with their names."""
    whole = hashlib.sha256()
    for path, body in contents.items():
        whole.update(f"{path}\0{len(body)}\0".encode())
        whole.update(body)
    return whole.hexdigest()[:12]
