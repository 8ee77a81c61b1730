"""A host of its own for one command: a network and a mount namespace (started with unshare) in
which names lead to addresses that count as public, and servers that answer there.

    unshare --net --mount python3 host.py FOLDER COMMAND...

FOLDER gets the certificate of an authority that signed the servers' own (authority.pem), and
heard.txt, a line for each connection that came to a server.
"""

import http.server
import os
import socket
import ssl
import subprocess
import sys
import threading

V4 = "93.184.216.34"
V6 = "2606:2800:220:1::34"
# Where clouds tell a machine its secrets.
METADATA = "169.254.169.254"
NAMES = ["api.stand.test", "a.wild.stand.test", "other.stand.test"]

folder = sys.argv[1]


def run(*words, **more):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, **more)


def heard(line):
    with open(f"{folder}/heard.txt", "a") as file:
        file.write(line + "\n")


def network():
    run("ip", "link", "set", "lo", "up")
    run("ip", "address", "add", f"{V4}/32", "dev", "lo")
    run("ip", "address", "add", f"{V6}/128", "dev", "lo")
    run("ip", "address", "add", f"{METADATA}/32", "dev", "lo")
    with open(f"{folder}/hosts", "w") as file:
        file.write("127.0.0.1 localhost\n")
        for name in NAMES:
            file.write(f"{V4} {name}\n{V6} {name}\n")
    run("mount", "--make-rprivate", "/")
    run("mount", "--bind", f"{folder}/hosts", "/etc/hosts")


def certificates():
    new = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    name = lambda of: ["-keyout", f"{folder}/{of}.key", "-out", f"{folder}/{of}.pem"]
    quiet = {"stderr": subprocess.DEVNULL}
    run(*new.split(), "-subj", "/CN=authority", *name("authority"), **quiet)
    alternative = ",".join(f"DNS:{each}" for each in NAMES)
    signed = ["-CA", f"{folder}/authority.pem", "-CAkey", f"{folder}/authority.key"]
    more = ["-addext", "basicConstraints=critical,CA:FALSE"]
    more += ["-addext", f"subjectAltName={alternative}"]
    run(*new.split(), "-subj", "/CN=server", *signed, *more, *name("server"), **quiet)


class Web(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length).decode()
        host = self.headers["host"]
        heard(f"{self.server.scheme} {self.command} {host} {self.path}")
        text = f"{self.command} {host} {self.path} {body}".strip().encode()
        self.send_response(200)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True


class Server6(Server):
    address_family = socket.AF_INET6


def web(kind, address, port, scheme):
    server = kind((address, port), Web)
    server.scheme = scheme
    if scheme == "https":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{folder}/server.pem", f"{folder}/server.key")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def greeter(address, port):
    """Says what it hears."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.create_server((address, port), family=family)

    def serve():
        while True:
            stream, _ = listener.accept()
            heard(f"greeter {port}")
            with stream:
                # In one piece: who asks reads once.
                stream.sendall(b"heard " + stream.recv(64))

    threading.Thread(target=serve, daemon=True).start()


network()
certificates()
for kind, address in [(Server, V4), (Server6, V6)]:
    web(kind, address, 80, "http")
    web(kind, address, 443, "https")
for place in [(V4, 5000), (V4, 5001), (V6, 5000), ("127.0.0.1", 5002), (METADATA, 5000)]:
    greeter(*place)
sys.exit(subprocess.run(sys.argv[2:]).returncode)
