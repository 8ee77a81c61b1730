"""A small internet in namespaces of its own: names, addresses, and servers that people use.

    unshare --mount --net --propagation slave PYTHON stand.py FOLDER USER

PYTHON is that of `tests/peers/egress/requirements.txt`. FOLDER gets `trust/ca.pem`, which all TLS
here is signed by, and what the servers keep; PostgreSQL runs as USER, since it refuses root. The
line `ready` says that everything answers.

Whoever enters both namespaces is on a host: with a resolver, with the system's trusted certificates
and this stand's, and with one cable, at whose other end is a second network namespace. The servers
are there (`servers.py`), since no granted name may lead to the host itself.

The end of input, also where the tests are killed, is the end of everything here, and FOLDER is gone
then.
"""

import asyncio
import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys

import zone

CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
# The two ends of the cable.
HOST = ("10.87.0.1/24", "2606:2800:22f::1/64")
PEERS = ("10.87.0.2/24", "2606:2800:22f::2/64")

folder, user = sys.argv[1], int(sys.argv[2])


def at(name):
    return os.path.join(folder, name)


def write(name, text):
    with open(at(name), "w", encoding="utf-8") as file:
        file.write(text)


def run(*words, **options):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    if done.returncode != 0:
        sys.exit(f"stand.py: {words}: {done.stdout.decode(errors='replace')}")


def ip(lines, *before):
    run(*before, "ip", "-batch", "-", input="".join(f"{line}\n" for line in lines).encode())


def own(address, device):
    return f"address add {address} dev {device}{' nodad' * (':' in address)}"


def guard():
    interfaces = {name for _, name in socket.if_nameindex()}
    if interfaces != {"lo"}:
        sys.exit(f"stand.py: {interfaces}: it wants a network namespace of its own")


def network(peers):
    """The host's end, and the other one in the namespace of this process."""
    lines = ["link set lo up", f"link add cable type veth peer name cable netns {peers}"]
    lines += [own(address, "cable") for address in HOST] + ["link set cable up"]
    # A tunnel that nobody reads: whatever is sent to it is gone, as with a filter on the way.
    lines += ["tuntap add mode tun name void", "link set void up"]
    for at_end, source, far, void in (
        (PEERS[0], HOST[0], zone.V4.format("0/24"), zone.VOID_4.format("0/24")),
        (PEERS[1], HOST[1], zone.V6.format("/64"), zone.VOID_6.format("/64")),
    ):
        lines.append(f"route add {far} via {at_end.partition('/')[0]}")
        lines.append(f"route add {void} dev void src {source.partition('/')[0]}")
    lines.append(f"route add {zone.METADATA} via {PEERS[0].partition('/')[0]}")
    # Everybody may ping, as systemd has it.
    with open("/proc/sys/net/ipv4/ping_group_range", "w", encoding="ascii") as file:
        file.write("0 2147483647")
    far = ["link set lo up"]
    for address in sorted(set(zone.own_addresses())):
        far.append(own(f"{address}/{128 if ':' in address else 32}", "lo"))
    far += [own(address, "cable") for address in PEERS] + ["link set cable up"]
    ip(lines)
    ip(far, "nsenter", f"--net=/proc/{peers}/ns/net")


def trust():
    """A certificate authority, a certificate for every name, and who trusts it."""
    names = ["*." + zone.ZONE, "*.wild." + zone.ZONE, *zone.OTHERS]
    alternatives = ",".join(f"DNS:{name}" for name in names)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    os.makedirs(at("trust"), exist_ok=True)
    ca = ["-x509", "-subj", "/CN=stand", "-addext", "keyUsage=critical,keyCertSign,cRLSign"]
    run("openssl", "req", *key, *ca, "-keyout", at("ca.key"), "-out", at("trust/ca.pem"))
    own = ["-x509", "-CA", at("trust/ca.pem"), "-CAkey", at("ca.key"), "-subj", "/CN=stand.test"]
    of_servers = [f"subjectAltName={alternatives}", "basicConstraints=critical,CA:FALSE"]
    own += [word for extension in of_servers for word in ("-addext", extension)]
    run("openssl", "req", *key, *own, "-keyout", at("server.key"), "-out", at("server.pem"))
    run("cp", "-a", "/etc/ssl/certs", at("certs"))
    with open(at("certs/ca-certificates.crt"), "ab") as file:
        with open(at("trust/ca.pem"), "rb") as ca:
            file.write(ca.read())


def mounts():
    """What the system of this mount namespace says about names and trust."""
    write("resolv.conf", f"nameserver {zone.SERVICE[0]}\noptions timeout:2 attempts:2\n")
    write("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")
    with open("/etc/passwd", encoding="utf-8") as passwd:
        # PostgreSQL asks for the name of who runs it.
        write("passwd", f"{passwd.read()}stand:x:{user}:{user}::/:/bin/false\n")
    # A link would lead to what the host's own resolver keeps.
    for name in ("resolv.conf", "nsswitch.conf", "passwd"):
        run("mount", "--bind", at(name), os.path.realpath(f"/etc/{name}"))
    run("mount", "--bind", at("certs"), "/etc/ssl/certs")


def apart():
    """In a network namespace of its own, and gone with this one."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0 or libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "unshare")


async def says_hello(reader, writer):
    """A server of the host's own, which no grant reaches."""
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello of the host\n")
        await writer.drain()
    writer.close()


async def main(servers):
    await zone.serve()
    own = ["127.0.0.1", "::1", HOST[0].partition("/")[0]]
    await asyncio.start_server(says_hello, own, 80)
    if await asyncio.to_thread(servers.stdout.readline) != b"ready\n":
        sys.exit("stand.py: the servers do not start")
    print("ready", flush=True)
    while await asyncio.to_thread(os.read, 0, 1024):
        pass


guard()
trust()
mounts()
words = [sys.executable, os.path.join(os.path.dirname(__file__), "servers.py"), *sys.argv[1:]]
pipe = subprocess.PIPE
with subprocess.Popen(words, stdin=pipe, stdout=pipe, preexec_fn=apart) as peers:
    network(peers.pid)
    peers.stdin.write(b"go\n")
    peers.stdin.flush()
    try:
        asyncio.run(main(peers))
    finally:
        peers.stdin.close()
        peers.wait()
        shutil.rmtree(folder, ignore_errors=True)
