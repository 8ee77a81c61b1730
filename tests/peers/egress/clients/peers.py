"""Clients in Python: `peers.py NAME HOST CA [MORE]` prints what the server said."""

import asyncio
import hashlib
import http.client
import smtplib
import socket
import ssl
import sys
import time
import urllib.request


def trusting(ca):
    return ssl.create_default_context(cafile=ca)


def by_urllib(host, ca):
    with urllib.request.urlopen(f"https://{host}/hello", context=trusting(ca), timeout=15) as got:
        return got.status, got.read().decode()


def by_requests(host, ca):
    import requests

    session = requests.Session()
    session.verify = ca
    got = [session.get(f"https://{host}/hello", timeout=15) for _ in range(2)]
    sent = session.post(f"https://{host}/hash", data=bytes(300_000), timeout=15)
    return [one.text for one in [*got, sent]]


def by_httpx(host, ca):
    import httpx

    with httpx.Client(http2=True, verify=trusting(ca), timeout=15) as client:
        got = client.get(f"https://{host}/hello")
        many = client.get(f"https://{host}/bytes/1000000")
        return got.http_version, got.text, hashlib.sha256(many.content).hexdigest()


def by_httpx_many(host, ca):
    """Fifty connections at once."""
    import httpx

    async def all_of_them():
        limits = httpx.Limits(max_connections=50)
        async with httpx.AsyncClient(verify=trusting(ca), limits=limits, timeout=15) as client:
            got = await asyncio.gather(*(client.get(f"https://{host}/hello") for _ in range(50)))
            return len(got), {one.text for one in got}

    return asyncio.run(all_of_them())


def by_asyncio(host, ca):
    async def ask():
        reader, writer = await asyncio.open_connection(host, 443, ssl=trusting(ca))
        writer.write(f"GET /hello HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        got = await reader.read()
        writer.close()
        return got.partition(b"\r\n\r\n")[2].decode()

    return asyncio.run(ask())


def by_configured_family(host, _):
    """Asks for the families that this host has an address of (RFC 3493, AI_ADDRCONFIG)."""
    kinds = socket.SOCK_STREAM
    told = socket.getaddrinfo(host, 80, type=kinds, flags=socket.AI_ADDRCONFIG)
    for family, kind, protocol, _, address in told:
        with socket.socket(family, kind, protocol) as stream:
            stream.settimeout(5)
            try:
                stream.connect(address)
            except OSError:
                continue
            asks = http.client.HTTPConnection(host)
            asks.sock = stream
            asks.request("GET", "/hello")
            return asks.getresponse().read().decode()
    return "nobody answers"


def by_web_socket(host, ca, seconds="0"):
    return echoed(f"wss://{host}/echo", seconds, ssl=trusting(ca))


def by_plain_web_socket(host, _):
    return echoed(f"ws://{host}/echo", "0")


def echoed(url, seconds, **options):
    from websockets.sync.client import connect

    # Pings would fill the silence.
    with connect(url, ping_interval=None, **options) as stream:
        said = []
        for word in ("one", bytes(200_000), f"wait {seconds}", "last"):
            stream.send(word)
            got = stream.recv(timeout=float(seconds) + 15)
            said.append(got if isinstance(got, str) else len(got))
        return said


def by_events(host, ca, seconds="0"):
    import httpx

    url, trusts = f"https://{host}/events?{seconds}", trusting(ca)
    with httpx.stream("GET", url, verify=trusts, timeout=float(seconds) + 15) as got:
        return [line for line in got.iter_lines() if line]


def by_mail(host, ca):
    with smtplib.SMTP(host, 25, timeout=15) as client:
        hello = client.ehlo()[1].decode()
        client.starttls(context=trusting(ca))
        client.ehlo()
        client.mail("bee@stand.test")
        client.rcpt("hive@stand.test")
        return hello, client.data("Subject: dance\n\n" + "to the left\n" * 1000)


def by_rpc(host, ca):
    import grpc

    credentials = grpc.ssl_channel_credentials(open(ca, "rb").read())
    said = []
    for channel in (
        grpc.insecure_channel(f"{host}:50051"),
        grpc.secure_channel(f"{host}:50052", credentials),
    ):
        with channel:
            said.append(channel.unary_unary("/stand.Bees/Say")(b"bee", timeout=15).decode())
            count = channel.unary_stream("/stand.Bees/Count")(b"100", timeout=15)
            said.append(len(list(count)))
    return said


def by_resolver(host, _):
    """A resolver of its own, that reads /etc/resolv.conf and no file of hosts."""
    import dns.exception
    import dns.resolver

    resolver = dns.resolver.Resolver()
    addresses = []
    for kind in ("AAAA", "A"):
        for over_tcp in (False, True):
            try:
                told = resolver.resolve(host, kind, tcp=over_tcp, lifetime=5)
            except dns.resolver.NoAnswer:
                continue
            addresses += [one.address for one in told]
    for address in dict.fromkeys(addresses):
        try:
            stream = socket.create_connection((address, 80), 5)
        except OSError:
            continue
        with stream:
            asks = http.client.HTTPConnection(host)
            asks.sock = stream
            asks.request("GET", "/hello")
            return asks.getresponse().read().decode()
    return "nobody answers"


def by_half(host, _):
    """Says all, closes its half, and only then is answered."""
    with socket.create_connection((host, 7000), 15) as stream:
        stream.sendall(b"bee" * 100_000)
        stream.shutdown(socket.SHUT_WR)
        got = b""
        while more := stream.recv(4096):
            got += more
        return got.decode()


def by_first_half(host, _, key):
    """Is told that the server says no more, and goes on itself."""
    with socket.create_connection((host, 7001), 15) as stream:
        stream.sendall(key.encode() + b"\n")
        got = b""
        while more := stream.recv(4096):
            got += more
        for _ in range(10):
            stream.sendall(bytes(10_000))
    with socket.create_connection((host, 7002), 15) as tally:
        tally.sendall(key.encode() + b"\n")
        return got.decode(), tally.makefile().readline()


def by_silence(host, _, seconds):
    with socket.create_connection((host, 7003), 15) as stream:
        stream.settimeout(float(seconds) + 15)
        stream.sendall(seconds.encode() + b"\n")
        first = stream.makefile().readline()
        stream.sendall(b"0\n")
        return first, stream.recv(100).decode()


def by_many_streams(host, _, count):
    """Takes connections until there are so many, or three were refused. Once they are closed, one
    more has to work."""
    held, refused = [], 0
    while len(held) < int(count) and refused < 3:
        try:
            stream = socket.create_connection((host, 7003), 10)
            stream.settimeout(10)
            stream.sendall(b"0\n")
            if not stream.recv(100):
                raise ConnectionError("closed")
            held.append(stream)
        except OSError:
            refused += 1
    for stream in held:
        stream.close()
    # What counts connections learns of their end a moment later.
    time.sleep(1)
    return len(held), refused, by_silence(host, "", "0")


CLIENTS = {name[3:].replace("_", "-"): how for name, how in globals().items() if name[:3] == "by_"}

if __name__ == "__main__":
    client, *more = sys.argv[1:]
    print(CLIENTS[client](*more))
