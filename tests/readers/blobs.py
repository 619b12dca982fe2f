"""A small server of Azure's Blob service: the part of its REST interface by which blobs are listed and read.

Written after "Blob service REST API" of Microsoft's documentation (List Blobs, Get Blob, Get Blob Properties,
Get Container Properties).
"""

import hashlib
import threading
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The name and key that every emulator of the service has."""


class Blobs:
    """Blobs by container and name, served until `stop`."""

    def __init__(self):
        self.held = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self.held))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        host, port = self._server.server_address
        self.connection = f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint=http://{host}:{port}/{ACCOUNT};"

    def stop(self):
        self._server.shutdown()
        self._server.server_close()


def _handler(held):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_told):
            pass

        def do_HEAD(self):
            self.do_GET()

        def do_GET(self):
            split = urlsplit(self.path)
            asked = {name: several[0] for name, several in parse_qs(split.query).items()}
            container, _, name = unquote(split.path).removeprefix(f"/{ACCOUNT}/").partition("/")
            if asked.get("comp") == "list":
                return self._answer(
                    200,
                    _listed(container, held.get(container, {}), asked),
                    {"Content-Type": "application/xml"},
                )
            if asked.get("restype") == "container":
                return self._answer(200 if container in held else 404, b"", {})
            blob = held.get(container, {}).get(name)
            if blob is None:
                return self._answer(404, b"", {"x-ms-error-code": "BlobNotFound"})
            told = {
                "Accept-Ranges": "bytes",
                "x-ms-blob-type": "BlockBlob",
                "ETag": _tag(blob),
                "Last-Modified": formatdate(0, usegmt=True),
            }
            wanted = self.headers.get("x-ms-range") or self.headers.get("Range")
            if not wanted or self.command == "HEAD":
                return self._answer(200, blob, told)
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            begin, end = int(first), min(int(last or len(blob)), len(blob) - 1)
            if begin >= len(blob):
                return self._answer(416, b"", {"x-ms-error-code": "InvalidRange"})
            return self._answer(
                206, blob[begin : end + 1], told | {"Content-Range": f"bytes {begin}-{end}/{len(blob)}"}
            )

        def _answer(self, status, body, headers):
            self.send_response(status)
            for name, value in (
                {"x-ms-version": "2025-05-05", "Content-Length": str(len(body))} | headers
            ).items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

    return Handler


def _listed(container, blobs, asked):
    """Names that begin so, those below a delimiter as one prefix."""
    prefix, delimiter = asked.get("prefix", ""), asked.get("delimiter")
    names, below = [], set()
    for name in sorted(blobs):
        rest = name.removeprefix(prefix)
        if not name.startswith(prefix):
            continue
        if delimiter and delimiter in rest:
            below.add(prefix + rest.partition(delimiter)[0] + delimiter)
        else:
            names.append(name)
    made = [
        f"<Blob><Name>{escape(name)}</Name><Properties><Last-Modified>{formatdate(0, usegmt=True)}</Last-Modified><Etag>{_tag(blobs[name])}</Etag>"
        f"<Content-Length>{len(blobs[name])}</Content-Length><BlobType>BlockBlob</BlobType></Properties></Blob>"
        for name in names
    ]
    made += [f"<BlobPrefix><Name>{escape(one)}</Name></BlobPrefix>" for one in sorted(below)]
    return (
        f'<?xml version="1.0" encoding="utf-8"?><EnumerationResults '
        f'ServiceEndpoint="http://localhost/{ACCOUNT}/" '
        f'ContainerName="{container}"><Prefix>{escape(prefix)}</Prefix><Blobs>{"".join(made)}</Blobs><NextMarker/></EnumerationResults>'
    ).encode()


def _tag(blob):
    return '"0x' + hashlib.sha256(blob).hexdigest()[:15].upper() + '"'
