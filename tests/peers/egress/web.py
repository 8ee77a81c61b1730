"""What the stand serves over HTTP: an ASGI application for plain text, TLS, HTTP/2, WebSocket."""

import asyncio
import hashlib
import json
import os

PAGE = b"""<!doctype html><html><head><title>Bees</title></head><body><article>
<h1>Bees</h1><p>Bees dance to tell each other where flowers are. The angle of the dance is that
between the sun and the flowers, and its length tells how far away they are.</p>
<p>A hive in summer has some forty thousand of them.</p></article></body></html>"""
LIBRARY = {
    "id": "/stand/bees",
    "title": "Bees",
    "description": "About bees",
    "branch": "main",
    "lastUpdateDate": "2026-01-01",
    "state": "finalized",
    "totalTokens": 10,
    "totalSnippets": 1,
    "stars": 1,
    "trustScore": 9,
    "benchmarkScore": 90,
    "versions": [],
}


class Web:
    """One application for all addresses; it has a bare git repository to serve."""

    def __init__(self, repositories):
        self.repositories = repositories

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            while True:
                event = await receive()
                await send({"type": f"{event['type']}.complete"})
                if event["type"] == "lifespan.shutdown":
                    return
        if scope["type"] == "websocket":
            return await self.echo(receive, send)
        path = scope["path"]
        if path == "/events":
            return await self.events(int(scope["query_string"] or 0), send)
        body = b""
        more = scope["method"] == "POST"
        while more:
            event = await receive()
            if event["type"] == "http.disconnect":
                return
            body += event["body"]
            more = event.get("more_body", False)
        if path.startswith("/bees.git/"):
            return await self.git(scope, body, send)
        status, kind, told = self.told(scope, path, body)
        name = b"location" if status == 302 else b"content-type"
        await self.answer(send, status, [(name, kind)], told)

    def told(self, scope, path, body):
        plain = b"text/plain"
        if path == "/hello":
            host = dict(scope["headers"]).get(b"host", b"").decode()
            words = f"hello {host} by {scope['scheme']} {scope['http_version']}\n"
            return 200, plain, words.encode()
        if path == "/hash":
            return 200, plain, f"{len(body)} {hashlib.sha256(body).hexdigest()}\n".encode()
        if path == "/redirect":
            return 302, scope["query_string"].removeprefix(b"to="), b""
        if path.startswith("/bytes/"):
            return 200, b"application/octet-stream", bytes_of(int(path[len("/bytes/") :]))
        if path == "/page":
            return 200, b"text/html", PAGE
        if path.startswith("/api/v2/libs/search"):
            return 200, b"application/json", json.dumps({"results": [LIBRARY]}).encode()
        if path.startswith("/api/v2/context"):
            return 200, plain, b"Bees dance."
        return 404, plain, b"no such page\n"

    async def answer(self, send, status, headers, body):
        headers = [*headers, (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def events(self, seconds, send):
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for event in (b"data: first\n\n", b"data: last\n\n"):
            await send({"type": "http.response.body", "body": event, "more_body": True})
            if event.startswith(b"data: first"):
                await asyncio.sleep(seconds)
        await send({"type": "http.response.body", "body": b""})

    async def echo(self, receive, send):
        """`wait N` is answered N seconds later, and everything else at once."""
        await receive()
        await send({"type": "websocket.accept"})
        while (event := await receive())["type"] == "websocket.receive":
            text = event.get("text")
            if text and text.startswith("wait "):
                await asyncio.sleep(float(text.removeprefix("wait ")))
            told = {"text": text} if text is not None else {"bytes": event["bytes"]}
            await send({"type": "websocket.send", **told})

    async def git(self, scope, body, send):
        """git's own server, by CGI (git-http-backend(1))."""
        headers = dict(scope["headers"])
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": self.repositories,
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "PATH_INFO": scope["path"],
            "QUERY_STRING": scope["query_string"].decode(),
            "REQUEST_METHOD": scope["method"],
            "CONTENT_TYPE": headers.get(b"content-type", b"").decode(),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": headers.get(b"content-encoding", b"").decode(),
            "GIT_PROTOCOL": headers.get(b"git-protocol", b"").decode(),
        }
        pipe = asyncio.subprocess.PIPE
        backend = await asyncio.create_subprocess_exec(
            "/usr/lib/git-core/git-http-backend", env=environment, stdin=pipe, stdout=pipe
        )
        out, _ = await backend.communicate(body)
        head, _, out = out.partition(b"\r\n\r\n")
        lines = [line.split(b": ", 1) for line in head.split(b"\r\n")]
        status = 200
        kept = []
        for name, value in lines:
            if name.lower() == b"status":
                status = int(value.split()[0])
            else:
                kept.append((name.lower(), value))
        await self.answer(send, status, kept, out)


def bytes_of(count):
    """The same bytes each time, which do not repeat within a block."""
    block = b"".join(hashlib.sha256(bytes([at])).digest() for at in range(256))
    return (block * (count // len(block) + 1))[:count]
