"""The servers of the stand, in a network namespace of their own: `servers.py FOLDER USER`.

`stand.py` starts it and makes the network; a line of input says that it is there, `ready` is the
answer, and the end of input is the end.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import ssl
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
import streams
import web
import zone
from hypercorn.asyncio import serve
from hypercorn.config import Config

PR_SET_PDEATHSIG = 1
REDIS, REDIS_TLS, POSTGRES, GRPC, GRPC_TLS = 6379, 6380, 5432, 50051, 50052
POSTGRES_BIN = "/usr/lib/postgresql"

folder, user = sys.argv[1], int(sys.argv[2])


def at(name):
    return os.path.join(folder, name)


def run(*words, **options):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    if done.returncode != 0:
        sys.exit(f"servers.py: {words}: {done.stdout.decode(errors='replace')}")


def die_with_this():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def start(*words, **options):
    log = open(at("log"), "ab")
    return subprocess.Popen(
        words, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
        preexec_fn=die_with_this, **options
    )


def redis():
    return start(
        "redis-server", "--port", str(REDIS), "--tls-port", str(REDIS_TLS),
        "--bind", *zone.SERVED, "--protected-mode", "no", "--save", "", "--dir", folder,
        "--tls-cert-file", at("server.pem"), "--tls-key-file", at("server.key"),
        "--tls-ca-cert-file", at("trust/ca.pem"), "--tls-auth-clients", "no",
    )


def postgres():
    """With TLS alone, which clients ask for in the middle of the stream."""
    versions = os.listdir(POSTGRES_BIN)
    programs = os.path.join(POSTGRES_BIN, max(versions, key=float), "bin")
    data = at("postgres")
    os.mkdir(data)
    for name in ("server.key", "server.pem"):
        run("cp", at(name), at(f"postgres.{name}"))
        os.chmod(at(f"postgres.{name}"), 0o600)
        os.chown(at(f"postgres.{name}"), user, user)
    os.chown(data, user, user)
    options = {"user": user, "group": user, "extra_groups": [], "cwd": "/"}
    initdb = [f"{programs}/initdb", "-D", data, "-U", "bee", "-A", "trust", "--no-sync"]
    run(*initdb, "--encoding=UTF8", "--locale=C", "--no-instructions", **options)
    settings = {
        "listen_addresses": ",".join(zone.SERVED),
        "unix_socket_directories": "",
        "ssl": "on",
        "ssl_cert_file": at("postgres.server.pem"),
        "ssl_key_file": at("postgres.server.key"),
        "fsync": "off",
    }
    with open(os.path.join(data, "postgresql.conf"), "a", encoding="ascii") as file:
        file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
    with open(os.path.join(data, "pg_hba.conf"), "w", encoding="ascii") as file:
        file.write("hostssl all all all trust\n")
    return start(f"{programs}/postgres", "-D", data, **options)


def repository():
    """A bare repository with one file, as a server has it."""
    bare = at("repositories/bees.git")
    script = """git init -q -b main work && cd work && echo 'bees dance' >bees.txt && git add . &&
        git commit -q -m first && git clone -q --bare . "$1" """
    who = {f"GIT_{what}_{part}": "bee@stand.test" for what in ("AUTHOR", "COMMITTER")
           for part in ("NAME", "EMAIL")}
    own = {"HOME": folder, "PATH": "/usr/bin:/bin", "GIT_CONFIG_NOSYSTEM": "1"}
    run("sh", "-euc", script, "sh", bare, cwd=folder, env=who | own)


def grpc_server():
    def say(request, _):
        return b"hello " + request

    def count(request, _):
        yield from (str(number).encode() for number in range(int(request)))

    handlers = grpc.method_handlers_generic_handler("stand.Bees", {
        "Say": grpc.unary_unary_rpc_method_handler(say),
        "Count": grpc.unary_stream_rpc_method_handler(count),
    })
    server = grpc.server(ThreadPoolExecutor(4), handlers=[handlers])
    pem = [open(at(name), "rb").read() for name in ("server.key", "server.pem")]
    tls = grpc.ssl_server_credentials([tuple(pem)])
    for address in zone.SERVED:
        host = f"[{address}]" if ":" in address else address
        server.add_insecure_port(f"{host}:{GRPC}")
        server.add_secure_port(f"{host}:{GRPC_TLS}", tls)
    server.start()
    return server


async def answers(port):
    """Until a server that was started listens on the last of the addresses."""
    for _ in range(600):
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(zone.SERVED[-1], port)
            writer.close()
            return
        await asyncio.sleep(0.05)
    sys.exit(f"servers.py: nobody listens on port {port}: {open(at('log')).read()[-2000:]}")


class Echo(asyncio.DatagramProtocol):
    """What QUIC would be spoken over."""

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        self.transport.sendto(data, address)


async def input_ends():
    while await asyncio.to_thread(os.read, 0, 1024):
        pass


async def main():
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(at("server.pem"), at("server.key"))
    await streams.serve(zone.SERVED, zone.FAULTS, tls)
    loop = asyncio.get_running_loop()
    for address in zone.SERVED:
        await loop.create_datagram_endpoint(Echo, local_addr=(address, 443))
    config = Config()
    hosts = [f"[{address}]" if ":" in address else address for address in zone.SERVED]
    config.bind = [f"{host}:443" for host in hosts]
    config.insecure_bind = [f"{host}:80" for host in [*hosts, zone.METADATA]]
    config.certfile, config.keyfile = at("server.pem"), at("server.key")
    config.accesslog, config.errorlog, config.loglevel = None, at("web.log"), "WARNING"
    config.graceful_timeout = 0
    ended = asyncio.ensure_future(input_ends())
    served = asyncio.ensure_future(
        serve(web.Web(at("repositories")), config, shutdown_trigger=lambda: ended)
    )
    for port in (443, REDIS, REDIS_TLS, POSTGRES, GRPC):
        await answers(port)
    print("ready", flush=True)
    await served


repository()
sys.stdin.readline()
started = [redis(), postgres()]
rpc = grpc_server()
try:
    asyncio.run(main())
finally:
    rpc.stop(None)
    for process in started:
        process.terminate()
    for process in started:
        process.wait()
    # Nobody waits for the thread that reads the input.
    os._exit(0)
