"""Ways to somebody who is not granted: `attack.py WAY [ARGUMENT…]`.

What it prints starts with `reached` where the way is open, and with `held` and the reason where it is
not. `tests/escape/network.toml` has the rows.
"""

import base64
import os
import socket
import ssl
import struct
import sys

SECONDS = 4


class Held(Exception):
    """A way that is shut, though no call failed."""


def opened(host, port, kind=socket.SOCK_STREAM, family=0):
    """A connected socket to a host as it is spelled."""
    found = socket.getaddrinfo(host, port, family, kind)
    family, kind, protocol, _, at = found[0]
    made = socket.socket(family, kind, protocol)
    made.settimeout(SECONDS)
    made.connect(at)
    return made


def said(made, bytes_max=4096):
    """What comes; an end without a word is no answer."""
    told = made.recv(bytes_max)
    if not told:
        raise Held("the other side closed")
    return told


def asked(made, host, path="/hello"):
    """The body of an answer to one request of HTTP."""
    made.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    answer = b""
    while True:
        part = made.recv(4096)
        if not part:
            break
        answer += part
    if not answer.startswith(b"HTTP/1.1 200"):
        raise Held(answer[:80].decode(errors="replace") or "the other side closed")
    return answer.split(b"\r\n\r\n", 1)[1].decode(errors="replace").strip()


def context(ca=None):
    made = ssl.create_default_context(cafile=ca)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made


def tcp(host, port):
    """A connection over which something comes back, or which stays open for a while."""
    made = opened(host, int(port))
    made.sendall(b"GET / HTTP/1.0\r\n\r\n")
    made.settimeout(1)
    try:
        said(made, 1)
    except TimeoutError:
        pass
    return "an open connection"


def http(host, port="80", named=None):
    return asked(opened(host, int(port)), named or host)


def redirect(host, other):
    """What a granted server tells to go to instead."""
    made = opened(host, 80)
    made.sendall(f"GET /redirect?to=http://{other}/hello HTTP/1.1\r\nHost: {host}\r\n"
                 "Connection: close\r\n\r\n".encode())
    head = b""
    while b"\r\n\r\n" not in head:
        head += said(made)
    lines = head.decode().lower().split("\r\n")
    to = next(line.split(": ", 1)[1] for line in lines if line.startswith("location: "))
    return http(to.split("/")[2])


def tls(host, name=None):
    """TLS to a host that asks for another one, or for nobody."""
    wanted = None if name == "-" else name or host
    made = context().wrap_socket(opened(host, 443), server_hostname=wanted)
    return asked(made, host if name == "-" else wanted)


def hello(name):
    """The first words of TLS to a name."""
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    made = context().wrap_bio(into, out, server_hostname=name)
    try:
        made.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


def hidden(host):
    """A ClientHello with an extension that may hide another name (Encrypted Client Hello)."""
    record = hello(host)
    body = bytearray(record[9:])
    at = 34 + 1 + body[34]
    at += 2 + struct.unpack(">H", body[at:at + 2])[0]
    at += 1 + body[at]
    extra = struct.pack(">HH", 0xFE0D, 32) + os.urandom(32)
    length = struct.unpack(">H", body[at:at + 2])[0] + len(extra)
    body[at:at + 2] = struct.pack(">H", length)
    body += extra
    message = b"\x01" + len(body).to_bytes(3, "big") + bytes(body)
    made = opened(host, 443)
    made.sendall(record[:3] + struct.pack(">H", len(message)) + message)
    answer = said(made)
    # A ServerHello, or the alert of a server that knows no such thing: it was reached.
    return f"a record of kind {answer[0]}"


def fragments(host, name):
    """A ClientHello for another name in the smallest pieces of records and packets."""
    message = hello(name)[5:]
    made = opened(host, 443)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for at in range(0, len(message), 40):
        part = message[at:at + 40]
        made.sendall(b"\x16\x03\x01" + struct.pack(">H", len(part)) + part)
    answer = said(made)
    if answer[0] == 21:
        raise Held("an alert")
    return f"a record of kind {answer[0]}"


def plain(host, port):
    """Another protocol than the granted one."""
    made = opened(host, int(port))
    made.sendall(b"SSH-2.0-x\r\nGET / HTTP/1.1\r\n\r\n")
    answer = said(made)
    return f"{len(answer)} bytes"


def two(host, other):
    """A second request over one connection, to somebody else."""
    made = opened(host, 80)
    first = f"GET /hello HTTP/1.1\r\nHost: {host}\r\n\r\n"
    second = f"GET /hello HTTP/1.1\r\nHost: {other}\r\nConnection: close\r\n\r\n"
    made.sendall((first + second).encode())
    answer = b""
    while part := made.recv(4096):
        answer += part
    if f"hello {other}".encode() not in answer:
        raise Held("no second answer")
    return f"hello {other}"


def upgrade(host):
    """HTTP/2 in the middle of a connection, in which nobody can read who is asked for."""
    made = opened(host, 80)
    made.sendall(f"GET /hello HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade, HTTP2-Settings\r\n"
                 "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n".encode())
    answer = said(made)
    if not answer.startswith(b"HTTP/1.1 101"):
        raise Held(answer[:40].decode(errors="replace"))
    return "another protocol"


def question(name, kind=1):
    labels = b"".join(bytes([len(label)]) + label for label in name.encode().split(b".") if label)
    return struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0) + labels + struct.pack(">BHH", 0, kind, 1)


def dns(server, name, over="udp"):
    """A question to a name server of one's own choice."""
    asked_for = question(name)
    if over == "udp":
        made = opened(server, 53, socket.SOCK_DGRAM)
        made.send(asked_for)
        answer = said(made)
    else:
        made = opened(server, 53)
        made.sendall(struct.pack(">H", len(asked_for)) + asked_for)
        answer = said(made)[2:]
    if answer[3] & 15 != 0 or answer[6:8] == b"\0\0":
        raise Held(f"an answer without an address (code {answer[3] & 15})")
    return "an answer"


def look_up(name):
    return socket.getaddrinfo(name, 80)[0][4][0] and "an address"


def all_pass(names):
    """As many as there are have an address."""
    passed = 0
    for name in names:
        try:
            socket.getaddrinfo(name, 80)
            passed += 1
        except OSError:
            pass
    if passed < len(names):
        raise Held(f"{passed} of {len(names)} names passed")
    return f"{passed} names"


def said_by_names(base, count):
    """Names that say something, to whoever answers for them."""
    label = lambda: base64.b32encode(os.urandom(30)).decode().lower().rstrip("=")
    return all_pass([f"{label()}.{base}" for _ in range(int(count))])


def many_names(base, count):
    """More names than anybody needs."""
    return all_pass([f"n{at}.{base}" for at in range(int(count))])


def datagram(host, port):
    made = opened(host, int(port), socket.SOCK_DGRAM)
    made.send(b"echo")
    return f"{len(said(made))} bytes"


def flips(host):
    """A name that leads to this host every other time it is asked for."""
    for _ in range(12):
        try:
            answer = http(host)
        except (OSError, Held):
            continue
        if "of the host" in answer:
            return answer
    raise Held("it never led there")


def raw(family, kind, protocol):
    """A socket of another kind."""
    numbers = [getattr(socket, name) if not name.isdigit() else int(name)
               for name in (family, kind, protocol)]
    socket.socket(*numbers).close()
    return "a socket"


def route():
    """An address more for an interface, asked for over netlink (rtnetlink(7))."""
    made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    made.settimeout(SECONDS)
    index = socket.if_nametoindex("lo")
    address = socket.inet_aton("93.184.250.250")
    attribute = struct.pack("HH4s", 8, 2, address)
    body = struct.pack("BBBBi", socket.AF_INET, 32, 0, 0, index) + attribute
    made.send(struct.pack("IHHII", 16 + len(body), 20, 0x405, 1, 0) + body)
    code = struct.unpack("i", made.recv(4096)[16:20])[0]
    if code not in (0, -17):
        raise OSError(-code, os.strerror(-code))
    return "an address"


def listen(host, port):
    """Waiting for others, on a granted port or another one."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((host, int(port)))
    made.listen()
    return "a listener"


def reuse(port):
    """The responder's own place, shared with it."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.bind(("127.0.0.1", int(port)))
    return "its place"


def main(way, *arguments):
    try:
        print("reached", globals()[way](*arguments))
    except (OSError, Held, ssl.SSLError, StopIteration) as error:
        print("held", type(error).__name__, error)


main(*sys.argv[1:])
