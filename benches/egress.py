#!/usr/bin/python3
"""What a granted connection costs, beside what else lets a program out. One run, ratios count.

    cargo build --release --workspace
    benches/egress.py [--install] [ROUNDS [BRIG]]   # default 9, target/release/brig
    benches/egress.py --debug [ROUNDS]              # target/debug: believe no number
    benches/egress.py --calls                       # which system calls brig's carrier makes
    benches/egress.py --samples FILE ...            # also samples in the form of `brig bench`

One server (traffic.c) on an address of its own, and the same client in each row: on bare loopback
twice (what differs between the two is noise), in a native cell of brig by `[[network]]`, in network
namespaces of slirp4netns and of pasta, in a container on docker's bridge, and by squid's CONNECT on
loopback. All of it stands in one network namespace of this script's own, so that nothing of this
host's network is touched or in the way. Rounds are interleaved, and each starts with another row.

  down, up    Gbit/s that arrived, by 1 or 16 connections
  rate        connections a second with one byte there and back, by 16 threads
  first       microseconds from socket(2) to the first byte of the answer, one after the other

Names are resolved once, before the clock starts; what brig resolves for each connection is in its
numbers. Needs root, cc with a static C library, ip and unshare. --install installs the Debian
packages that the peers are of; without it, a row that cannot be had says why. Prints medians and
what of the aims of issue 9 is kept to standard error, and all samples as JSON to standard output.
With --samples results/egress.json, results/egress-down-1.json and one more for each of down and up
are what `brig bench report` reads; it has no measure for the other two.
Exits with 1 where an aim is missed; an aim whose rows are not all there is not judged.
"""

import contextlib
import json
import os
import selectors
import shutil
import signal
import socket
import stat
import statistics
import subprocess
import sys
import tempfile
import time

import samples as record
from approve import approve
from component import tree
from tracing import show_calls

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# For benchmarks (RFC 2544), and for documents (RFC 5737): no host is there.
NAME, ADDRESS, PORT, OUTSIDE = "upstream.test", "198.18.0.1", 7001, "192.0.2.1"
PROXY_PORT = 3128
MS, FIRSTS, WAIT_S = 1000, 300, 30
MEASURES = {
    "down 1": {"what": "down", "ms": MS, "count": 1},
    "down 16": {"what": "down", "ms": MS, "count": 16},
    "up 1": {"what": "up", "ms": MS, "count": 1},
    "up 16": {"what": "up", "ms": MS, "count": 16},
    "rate": {"what": "rate", "ms": MS, "count": 16},
    "first": {"what": "first", "ms": 0, "count": FIRSTS},
}
BARE, AGAIN, BRIG = "bare loopback", "bare loopback again", "brig"
SLIRP, PASTA, DOCKER, SQUID = "slirp4netns", "pasta", "docker bridge", "squid CONNECT"
# Where a row's program is of another package than its name tells.
PACKAGES = {SLIRP: ("slirp4netns", "slirp4netns"), PASTA: ("pasta", "passt"),
            DOCKER: ("dockerd", "docker.io"), SQUID: ("squid", "squid")}
THROUGHPUTS = {"down 1": "one connection down", "down 16": "16 connections down",
               "up 1": "one connection up", "up 16": "16 connections up"}
MARK = "BRIG_BENCH_EGRESS_INSIDE"


class Missing(Exception):
    """Why a row cannot be had."""


def request(number, method, params):
    message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
    return (json.dumps(message, separators=(",", ":")) + "\n").encode()


class Client:
    """The program traffic.c as an MCP server, wherever the command puts it."""

    def __init__(self, name, command, errors, **more):
        self.name, self.rest, self.number = name, b"", 0
        self.errors = open(os.path.join(errors, name.replace(" ", "-")), "w+b")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.errors, bufsize=0, start_new_session=True,
                                        **more)

    def line(self, seconds):
        until = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while b"\n" not in self.rest:
                if not selector.select(max(0, until - time.monotonic())):
                    raise Missing(f"no answer within {seconds} s{self.said()}")
                piece = self.process.stdout.read(1 << 16)
                if not piece:
                    raise Missing(f"it ended{self.said()}")
                self.rest += piece
        line, self.rest = self.rest.split(b"\n", 1)
        return line

    def said(self):
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").split("\n")
        return "".join(f"; {line.strip()}" for line in lines if line.strip())[:600]

    def ask(self, method, params):
        self.number += 1
        try:
            self.process.stdin.write(request(self.number, method, params))
        except BrokenPipeError:
            raise Missing(f"it ended{self.said()}") from None
        asked = json.dumps(params.get("arguments", method))
        try:
            answer = json.loads(self.line(WAIT_S))
        except Missing as why:
            raise Missing(f"{asked}: {why}") from None
        if "error" in answer or answer["result"].get("isError"):
            raise Missing(f"{asked}: {json.dumps(answer)}{self.said()}")
        return answer["result"]

    def hello(self):
        self.ask("initialize", {"protocolVersion": "2025-11-25", "capabilities": {},
                                "clientInfo": {"name": "bench", "version": "0"}})

    def measure(self, measure):
        """Gbit/s, connections a second, or a list of microseconds."""
        result = self.ask("tools/call", {"name": "measure", "arguments": measure})
        taken = [int(word) for word in result["content"][0]["text"].split()]
        if measure["what"] == "first":
            return [nanoseconds / 1e3 for nanoseconds in taken]
        amount, nanoseconds = taken
        return amount * (1e9 if measure["what"] == "rate" else 8.0) / nanoseconds

    def end(self):
        self.process.stdin.close()
        end(self.process)
        # pasta's own part outlives a client of its that hangs.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.errors.close()


def end(process):
    """SIGTERM where it does not go by itself within a moment, SIGKILL where it still does not."""
    for sent in (None, signal.SIGTERM, signal.SIGKILL):
        if sent is not None:
            process.send_signal(sent)
        try:
            return process.wait(5)
        except subprocess.TimeoutExpired:
            continue
    return process.wait()


def ended(process):
    process.terminate()
    end(process)


def quiet(command, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                          **more)
    if done.returncode:
        raise Missing(f"{' '.join(command[:3])}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout.decode()


def until(what, process, true):
    last = time.monotonic() + WAIT_S
    while not true():
        if process.poll() is not None or time.monotonic() > last:
            raise Missing(f"{what} does not start")
        time.sleep(0.05)


def compiled(folder):
    source = os.path.join(HERE, "benches/traffic.c")
    program = os.path.join(folder, "traffic")
    for name, flags in ((program, []), (program + "-static", ["-static", "-w"])):
        quiet(["cc", "-O2", "-pthread", *flags, "-o", name, source])
    return program


def bare(program, folder, _):
    return Client(BARE, [program, "client", NAME, str(PORT)], folder)


def again(program, folder, _):
    return Client(AGAIN, [program, "client", NAME, str(PORT)], folder)


def brig(program, folder, at_end):
    path = os.path.join(folder, "brig.toml")
    with open(path, "w") as file:
        # The other rows are bounded by nothing.
        file.write(f'brig = 1\n[server]\nname = "traffic"\n'
                   f'command = ["{program}", "client", "{NAME}", "{PORT}"]\n'
                   f'[[network]]\nhost = "{NAME}"\nports = [{PORT}]\nprotocol = "tcp"\n'
                   f'addresses = ["{ADDRESS}/32"]\n'
                   f'[limits]\ncpus = {os.cpu_count()}.0\nmemory = "1GiB"\n')
    command = [at_end.brig, "run", path]
    try:
        approve(command, os.environ)
    except SystemExit as refused:
        raise Missing(str(refused).strip()) from None
    return Client(BRIG, command, folder)


def in_namespace(name, program, folder):
    """A client in a network namespace that has nothing yet; it starts once a line is written."""
    script = 'ip link set lo up && echo ready && read -r go && exec "$@"'
    client = Client(name, ["unshare", "--net", "sh", "-c", script, "sh", program, "client",
                           ADDRESS, str(PORT)], folder)
    if client.line(WAIT_S) != b"ready":
        raise Missing(f"no network namespace{client.said()}")
    return client


def slirp(program, folder, at_end):
    client = in_namespace(SLIRP, program, folder)
    at_end.callback(client.end)
    read, write = os.pipe()
    command = ["slirp4netns", "--configure", "--mtu=65520", f"--ready-fd={write}",
               str(client.process.pid), "tap0"]
    process = subprocess.Popen(command, pass_fds=[write], stdout=client.errors,
                               stderr=client.errors)
    at_end.callback(ended, process)
    os.close(write)
    with open(read, "rb") as ready:
        if not ready.read(1):
            raise Missing(f"slirp4netns does not start{client.said()}")
    client.process.stdin.write(b"go\n")
    return client


def pasta(program, folder, _):
    # It gives root up badly, so it starts as an ordinary user, for whom the device must be open.
    device = f"{folder}/tun"
    os.mknod(device, stat.S_IFCHR, os.makedev(10, 200))
    os.chmod(device, 0o666)
    quiet(["mount", "--bind", device, "/dev/net/tun"])
    nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    return Client(PASTA, [*nobody, "pasta", "-4", "--config-net", "-q", "-t", "none", "-u", "none",
                          "-T", "none", "-U", "none", program, "client", ADDRESS, str(PORT)],
                  folder)


def docker(program, folder, at_end):
    host = f"unix://{folder}/docker.sock"
    client = ["docker", "-H", host]
    log = at_end.enter_context(open(f"{folder}/dockerd", "wb"))
    process = subprocess.Popen(
        ["dockerd", "--data-root", f"{folder}/docker", "--exec-root", f"{folder}/docker-exec", "-H",
         host, "-p", f"{folder}/docker.pid", "--bip", "172.31.255.1/24"],
        stdout=log, stderr=log)
    at_end.callback(ended, process)
    until("dockerd", process, lambda: not subprocess.run(
        [*client, "version"], capture_output=True, check=False).returncode)
    archive = f"{folder}/traffic.tar"
    quiet(["tar", "-C", folder, "-cf", archive, "traffic-static"])
    quiet([*client, "import", archive, "brig/traffic:1"])
    return Client(DOCKER, [*client, "run", "-i", "--rm", "--network", "bridge", "brig/traffic:1",
                           "/traffic-static", "client", ADDRESS, str(PORT)], folder)


def squid(program, folder, at_end):
    path = f"{folder}/squid.conf"
    with open(path, "w") as file:
        file.write(f"http_port 127.0.0.1:{PROXY_PORT}\nhttp_access allow all\ncache deny all\n"
                   f"access_log none\ncache_log {folder}/squid.log\npid_filename none\n"
                   "pinger_enable off\nnetdb_filename none\nshutdown_lifetime 0 seconds\n"
                   "visible_hostname bench\nlogfile_rotate 0\n")
    # It gives root up, and writes its log after that.
    open(f"{folder}/squid.log", "w").close()
    os.chmod(f"{folder}/squid.log", 0o666)
    process = subprocess.Popen(["squid", "-N", "-f", path], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    at_end.callback(ended, process)

    def listens():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", PROXY_PORT)):
            return True
        return False

    until("squid", process, listens)
    return Client(SQUID, [program, "client", ADDRESS, str(PORT), "127.0.0.1", str(PROXY_PORT)],
                  folder)


ROWS = {BARE: bare, BRIG: brig, SLIRP: slirp, PASTA: pasta, DOCKER: docker, SQUID: squid,
        AGAIN: again}


def network(folder):
    """Of this namespace: an address for the server, a way out for pasta to take as its pattern."""
    for command in (
        "ip link set lo up", f"ip address add {ADDRESS}/32 dev lo",
        "ip link add up0 type veth peer name up1", f"ip address add {OUTSIDE}/24 dev up0",
        "ip link set up0 up", "ip link set up1 up", "ip route add default via 192.0.2.254",
    ):
        quiet(command.split())
    with open(f"{folder}/hosts", "w") as file:
        file.write(f"127.0.0.1 localhost\n{ADDRESS} {NAME}\n")
    quiet(["mount", "--bind", f"{folder}/hosts", "/etc/hosts"])


def started(folder, at_end, missing, rows):
    program = compiled(folder)
    server = subprocess.Popen([program, "serve", ADDRESS, str(PORT)], stdout=subprocess.PIPE)
    at_end.callback(ended, server)
    if server.stdout.readline() != b"ready\n":
        sys.exit("the server does not start")
    clients = {}
    for name, start in rows.items():
        needs, package = PACKAGES.get(name, (None, None))
        try:
            if needs and not shutil.which(needs):
                raise Missing(f"no {needs} here: --install installs {package}")
            client = start(program, folder, at_end)
            # slirp4netns looks at the client's namespace for as long as it runs.
            if name != SLIRP:
                at_end.callback(client.end)
            client.hello()
            for measure in MEASURES.values():
                client.measure({**measure, "ms": 100, "count": min(measure["count"], 16)})
            clients[name] = client
        except Missing as why:
            missing[name] = str(why)
    return clients


def show_carrier(folder, at_end):
    """The calls of one connection that moves bytes, and of many that move one."""
    missing = {}
    clients = started(folder, at_end, missing, {BRIG: brig})
    if missing:
        sys.exit(f"{BRIG}: {missing[BRIG]}")
    for pid in tree(clients[BRIG].process.pid):
        with open(f"/proc/{pid}/cmdline", "rb") as words:
            if b"__carrier" in words.read().split(b"\0"):
                break
    else:
        sys.exit("brig has no carrier")
    for what in ("down 1", "up 1", "rate"):
        print(f"{what}:", file=sys.stderr)
        show_calls(pid, lambda: clients[BRIG].measure(MEASURES[what]))


def measured(clients, rounds, missing, failed):
    """Samples by row. Of a row that fails, only what the form of `brig bench` takes is left."""
    samples = {name: {measure: [] for measure in MEASURES} for name in clients}
    for index in range(rounds):
        for what, measure in MEASURES.items():
            names = list(samples)
            at = index % max(1, len(names))
            for name in names[at:] + names[:at]:
                try:
                    taken = clients[name].measure(measure)
                except Missing as why:
                    missing[name] = f"failed in round {index + 1}: {why}"
                    failed[name] = (index + 1, str(why), samples.pop(name))
                    continue
                samples[name][what].append(taken)
    return samples


def middle(samples):
    """The median of rounds; of `first`, that of each round's median."""
    def of(taken):
        return statistics.median(statistics.median(one) if isinstance(one, list) else one
                                 for one in taken)

    return {name: {what: of(taken) for what, taken in row.items()}
            for name, row in samples.items()}


def aims(found):
    """What issue 9 aims at: the words, the value, whether it is kept or None: a row is missing."""
    def ratio(words, what, of, least, more=False):
        if BRIG not in found or of not in found:
            return words, None, None
        value = found[BRIG][what] / found[of][what]
        return words, f"{value:.2f}", value > least if more else value >= least

    for what in ("down 1", "down 16", "up 1", "up 16"):
        yield ratio(f"{what}: at least 0.7 x bare loopback", what, BARE, 0.7)
        yield ratio(f"{what}: at least 5 x slirp4netns", what, SLIRP, 5.0)
        yield ratio(f"{what}: ahead of squid", what, SQUID, 1.0, more=True)
    there = BRIG in found
    rate = found[BRIG]["rate"] if there else 0
    yield ("rate: at least 6,000 connections a second", f"{rate:.0f}" if there else None,
           rate >= 6000 if there else None)
    for of in (SLIRP, PASTA, DOCKER, SQUID):
        words = f"first: less added to bare loopback than {of} adds"
        if not there or of not in found or BARE not in found:
            yield words, None, None
            continue
        added, other = (found[name]["first"] - found[BARE]["first"] for name in (BRIG, of))
        yield words, f"{added:.0f} and {other:.0f} us", added < other


def told(samples, missing):
    found = middle(samples)
    print(f"{'':22}" + "".join(f"{what:>9}" for what in MEASURES) + "    Gbit/s, 1/s, us",
          file=sys.stderr)
    for name, row in found.items():
        print(f"{name:22}" + "".join(
            f"{value:9.0f}" if what in ("rate", "first") else f"{value:9.2f}"
            for what, value in row.items()), file=sys.stderr)
    if BARE in found:
        print("beside bare loopback; first: what is added to it", file=sys.stderr)
        for name, row in found.items():
            print(f"{name:22}" + "".join(
                f"{value - found[BARE][what]:9.0f}" if what == "first"
                else f"{value / found[BARE][what]:9.2f}"
                for what, value in row.items()), file=sys.stderr)
    for name, why in missing.items():
        print(f"{name}: not measured: {why}", file=sys.stderr)
    missed = False
    for words, value, kept in aims(found):
        missed |= kept is False
        verdict = {True: "kept", False: "MISSED", None: "not judged"}[kept]
        print(f"{verdict:10} {words}" + (f": {value}" if value else ""), file=sys.stderr)
    return missed


def recorded(path, brig, began, load, rounds, samples, missing, failed):
    """Writes a file for each of THROUGHPUTS."""
    base, end = os.path.splitext(path)
    for what, words in THROUGHPUTS.items():
        rows = []
        for name in ROWS:
            if name in samples:
                values, failure = samples[name][what], None
            elif name in failed:
                at, why, taken = failed[name]
                values, failure = taken[what][:at - 1], (at, why)
            else:
                rows.append(record.subject(name, [], missing.get(name, "it was not started")))
                continue
            series = [record.series("egress", [[value] for value in values], failure)]
            rows.append(record.again(name, BARE, series) if name == AGAIN
                        else record.subject(name, series))
        record.write(f"{base}-{what.replace(' ', '-')}{end}", f"a granted connection, {words}",
                     brig, began, load, rounds, 0, BARE, rows)


def installed():
    """Installs what is missing, before this script leaves the host's network."""
    names = [package for program, package in PACKAGES.values() if not shutil.which(program)]
    if names:
        subprocess.run(["apt-get", "install", "-qq", "-y", "--no-install-recommends", *names],
                       check=True, stdout=sys.stderr,
                       env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})


def words_and_samples():
    """The words of the command without --samples and its file, and that file."""
    words, path = sys.argv[1:], None
    if "--samples" in words:
        at = words.index("--samples")
        if at + 1 == len(words):
            sys.exit(__doc__)
        path = words[at + 1]
        del words[at:at + 2]
    return words, path


def main():
    given, path_of_samples = words_and_samples()
    words = [word for word in given if not word.startswith("--")]
    flags = {word for word in given if word.startswith("--")}
    if flags - {"--install", "--debug", "--calls"} or len(words) > 2:
        sys.exit(__doc__)
    rounds = int(words[0]) if words else 9
    kind = "debug" if "--debug" in flags else "release"
    path = words[1] if len(words) > 1 else os.path.join(HERE, "target", kind, "brig")
    if not os.path.exists(path):
        sys.exit(f"missing: {path} (see the head of this file)")
    if os.getuid():
        sys.exit("missing: root, for namespaces and a daemon")
    if "--install" in flags:
        installed()
    if MARK not in os.environ:
        os.environ[MARK] = "1"
        os.execvp("unshare", ["unshare", "--net", "--mount", sys.executable, *sys.argv])
    began, load, failed = time.time(), os.getloadavg(), {}
    folder, missing = tempfile.mkdtemp(prefix="brig-bench-"), {}
    # Other users run what is in it: that of the cell, and pasta's.
    os.chmod(folder, 0o755)
    os.environ["XDG_STATE_HOME"] = os.path.join(folder, "state")
    try:
        with contextlib.ExitStack() as at_end:
            at_end.brig = os.path.abspath(path)
            network(folder)
            if "--calls" in flags:
                return show_carrier(folder, at_end)
            clients = started(folder, at_end, missing, ROWS)
            samples = measured(clients, rounds, missing, failed)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    missed = told(samples, missing)
    if path_of_samples:
        recorded(path_of_samples, os.path.abspath(path), began, load, rounds, samples, missing,
                 failed)
    json.dump({"samples": samples, "missing": missing, "load": os.getloadavg(),
               "processors": os.cpu_count()}, sys.stdout)
    print()
    sys.exit(missed and "--debug" not in flags)


if __name__ == "__main__":
    main()
