"""A small internet in namespaces of its own: names, addresses, and servers that people use.

    unshare --mount --net --propagation slave PYTHON stand.py FOLDER USER

PYTHON is that of `tests/peers/egress/requirements.txt`. FOLDER gets `trust/ca.pem`, which all TLS
here is signed by, and what the servers keep; PostgreSQL runs as USER, since it refuses root. The
line `ready` says that everything answers. Whoever enters both namespaces finds in them a resolver
of this stand, and the system's trusted certificates with this one more. The end of input, also
where the tests are killed, is the end of everything here, and FOLDER is gone then.
"""

import asyncio
import contextlib
import ctypes
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys

import zone

PR_SET_PDEATHSIG = 1
REDIS, REDIS_TLS, POSTGRES, GRPC, GRPC_TLS = 6379, 6380, 5432, 50051, 50052
POSTGRES_BIN = "/usr/lib/postgresql"

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


def network():
    """Addresses and routes, in a network namespace that has nothing yet."""
    interfaces = {name for _, name in socket.if_nameindex()}
    if interfaces != {"lo"}:
        sys.exit(f"stand.py: {interfaces}: it wants a network namespace of its own")
    lines = ["link set lo up"]
    for address in sorted(set(zone.own_addresses())):
        long = ":" in address
        lines.append(f"address add {address}/{128 if long else 32} dev lo{' nodad' * long}")
    # A tunnel that nobody reads: whatever is sent to it is gone, as with a filter on the way.
    lines += ["tuntap add mode tun name void", "link set void up"]
    for kind in (zone.VOID_4, zone.VOID_6):
        long = ":" in kind
        source = (zone.V6 if long else zone.V4).format(10)
        lines.append(f"route add {kind.format(0)}/{64 if long else 24} dev void src {source}")
    run("ip", "-batch", "-", input="\n".join(lines).encode() + b"\n")


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


def die_with_the_stand():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def start(*words, **options):
    log = open(at("log"), "ab")
    return subprocess.Popen(
        words, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
        preexec_fn=die_with_the_stand, **options
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
    initdb = [f"{programs}/initdb", "-D", data, "-U", "bee", "-A", "trust", "--no-sync", "-E", "UTF8"]
    run(*initdb, "--locale=C", "--no-instructions", **options)
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
    import grpc
    from concurrent.futures import ThreadPoolExecutor

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
    sys.exit(f"stand.py: nobody listens on port {port}: {open(at('log')).read()[-2000:]}")


async def input_ends():
    while await asyncio.to_thread(os.read, 0, 1024):
        pass


async def main():
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    import streams
    import web

    await zone.serve()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(at("server.pem"), at("server.key"))
    await streams.serve(zone.SERVED, zone.FAULTS, tls)
    config = Config()
    hosts = [f"[{address}]" if ":" in address else address for address in zone.SERVED]
    config.bind = [f"{host}:443" for host in hosts]
    # Where a name that lies leads to: what is this host's alone.
    config.insecure_bind = [f"{host}:80" for host in [*hosts, "127.0.0.1", "[::1]"]]
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


network()
trust()
mounts()
repository()
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
    shutil.rmtree(folder, ignore_errors=True)
    # Nobody waits for the thread that reads the input.
    os._exit(0)
