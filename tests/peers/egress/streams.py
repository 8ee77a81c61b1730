"""What the stand serves over plain TCP: a server that speaks first, and streams that half close,
wait, or break."""

import asyncio
import hashlib
import socket
import struct

SMTP, HALF, FIRST_HALF, TALLY, SILENT = 25, 7000, 7001, 7002, 7003


class Mail:
    """A mail server that says its name first and speaks TLS after STARTTLS (RFC 3207)."""

    def __init__(self, tls):
        self.tls = tls

    async def __call__(self, reader, writer):
        say = lambda line: writer.write(line.encode() + b"\r\n")
        say("220 stand.test speaks first")
        over_tls, bytes_of_mail = False, 0
        while line := await reader.readline():
            word = line.split()[0].upper() if line.split() else b""
            if word == b"EHLO":
                say("250-stand.test")
                say("250 8BITMIME" if over_tls else "250 STARTTLS")
            elif word == b"STARTTLS":
                say("220 go")
                await writer.drain()
                await writer.start_tls(self.tls)
                over_tls = True
            elif word == b"DATA":
                say("354 go")
                while (line := await reader.readline()) not in (b".\r\n", b""):
                    bytes_of_mail += len(line)
                how = "over TLS" if over_tls else "in plain text"
                say(f"250 kept {bytes_of_mail} bytes {how}")
            elif word == b"QUIT":
                say("221 bye")
                break
            else:
                say("250 ok")
            await writer.drain()
        await writer.drain()
        writer.close()


async def half(reader, writer):
    """Answers only once the client has closed its half."""
    data = await reader.read(-1)
    writer.write(f"{len(data)} {hashlib.sha256(data).hexdigest()}\n".encode())
    await writer.drain()
    writer.close()


class FirstHalf:
    """Closes its own half first, reads on, and tells another connection what came."""

    def __init__(self):
        self.came = {}

    def of(self, key):
        return self.came.setdefault(key, asyncio.get_running_loop().create_future())

    async def __call__(self, reader, writer):
        came = self.of(await reader.readline())
        writer.write(b"go\n")
        await writer.drain()
        writer.write_eof()
        data = await reader.read(-1)
        came.set_result(len(data))
        writer.close()

    async def tally(self, reader, writer):
        count = await self.of(await reader.readline())
        writer.write(f"{count}\n".encode())
        await writer.drain()
        writer.close()


async def silent(reader, writer):
    """A line `N` is answered N seconds later."""
    while line := await reader.readline():
        await asyncio.sleep(float(line))
        writer.write(b"after " + line)
        await writer.drain()
    writer.close()


def reset(writer):
    """Ends a connection by RST (socket(7), SO_LINGER of 0 seconds)."""
    own = writer.get_extra_info("socket")
    own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def resets(reader, writer):
    await reader.read(1)
    reset(writer)


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 20\r\n\r\n"


async def breaks(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(HEAD + b"half of it")
    await writer.drain()
    await asyncio.sleep(0.1)
    reset(writer)


async def stalls(reader, _):
    """Takes what comes, and says nothing."""
    while await reader.read(65536):
        pass


async def drips(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(HEAD)
    for _ in range(20):
        writer.write(b".")
        await writer.drain()
        await asyncio.sleep(0.1)
    writer.close()


async def hangs_up(_, writer):
    writer.close()


async def speaks_plain(reader, writer):
    """HTTP where TLS is meant."""
    await reader.read(1)
    writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
    await writer.drain()
    writer.close()


FAULTY = {
    "reset": resets,
    "broken": breaks,
    "stall": stalls,
    "drip": drips,
    "hangup": hangs_up,
    "plain": speaks_plain,
}


def mended(serve):
    """Who breaks a connection gets nothing else of the server."""

    async def served(reader, writer):
        try:
            await serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, ValueError):
            writer.close()

    return served


async def serve(addresses, faults, tls):
    first_half = FirstHalf()
    served = {
        SMTP: Mail(tls),
        HALF: half,
        FIRST_HALF: first_half,
        TALLY: first_half.tally,
        SILENT: silent,
    }
    for port, server in served.items():
        await asyncio.start_server(mended(server), addresses, port)
    for name, server in FAULTY.items():
        for port in (80, 443):
            await asyncio.start_server(mended(server), [a for a in faults[name] if a], port)
