#!/usr/bin/python3
"""What each engine costs under brig, beside the same engine by hand. One run, ratios count.

    cargo build --release --workspace
    scripts/parts                      # the images, dockerd, podman, crun, runc, runsc
    benches/engines.py [ROUNDS]        # default 15

Every row starts server-everything of images/recipes: bare; under brig by each engine; by `docker run`
and `podman run` with -i --rm, plain and hardened with the flags of `brig export docker`; and in crun and
runc from brig's own bundle. Rounds are interleaved. Prints milliseconds from spawn to the reply to
`initialize`, microseconds of one call of `echo` (median of 300, after the start), and PSS of all
processes of one server, those of shims and monitors among them. Needs root. A row that cannot be had
says why. brig's docker start is to be at most 1.1 times that of the hardened `docker run`.

All samples go to standard output as JSON, the table to standard error.
"""

import json
import os
import shlex
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from approve import approve
from images import BRIG, HELLO, LAYOUT, LIMITS, SERVER, end, family, quiet, replied, root_of, spawn

CALLS = 300
READY = (json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}) + "\n").encode()


def call(number):
    return (json.dumps({"jsonrpc": "2.0", "id": number, "method": "tools/call",
                        "params": {"name": "echo", "arguments": {"message": "x"}}}) + "\n").encode()


def answered(process):
    reply = b""
    while not reply.endswith(b"\n"):
        reply += process.stdout.read(65536)
    return reply


def one(command, env, mark):
    """Start, calls and memory of one server: ms, us, KiB."""
    begun = time.perf_counter()
    process = spawn(command, env)
    process.stdin.write(HELLO)
    replied(process)
    start = (time.perf_counter() - begun) * 1e3
    process.stdin.write(READY)
    took = []
    for number in range(2, CALLS + 2):
        begun = time.perf_counter()
        process.stdin.write(call(number))
        while f'"id":{number}'.encode() not in answered(process):
            pass
        took.append((time.perf_counter() - begun) * 1e6)
    kib = pss(process.pid, mark)
    end(process)
    return start, statistics.median(took), kib


def pss(root, mark):
    """The command's family, and whoever is of its container: of its control group, or a monitor."""
    every = set(family(root))
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as words:
                line = words.read()
        except OSError:
            continue
        if mark and any(word in line for word in mark):
            every |= set(family(int(entry)))
    total = 0
    for process in every:
        try:
            with open(f"/proc/{process}/smaps_rollup") as rollup:
                total += next(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))
        except OSError:
            continue
    return total


class Engine:
    """A daemon of our own."""

    def __init__(self, kind, folder):
        self.socket = f"{folder}/{kind}.sock"
        host = f"unix://{self.socket}"
        if kind == "docker":
            command = ["dockerd", "--data-root", f"{folder}/docker", "--exec-root",
                       f"{folder}/docker-exec", "-H", host, "-p", f"{folder}/docker.pid",
                       "--iptables=false", "--ip6tables=false", "--bridge=none"]
            self.client = ["docker", "-H", host]
        else:
            with open(f"{folder}/containers.conf", "w") as out:
                out.write('[containers]\ndefault_ulimits=["nofile=1024:1024","nproc=4096:4096"]\n'
                          '[engine]\nruntime="runc"\ncgroup_manager="cgroupfs"\n'
                          'events_logger="file"\n')
            own = ["podman", "--root", f"{folder}/podman", "--runroot", f"{folder}/podman-run",
                   "--tmpdir", f"{folder}/podman-tmp", "--storage-driver", "overlay"]
            command = own + ["system", "service", "--time=0", host]
            self.client = own
        self.env = {**os.environ, "CONTAINERS_CONF": f"{folder}/containers.conf"}
        if not shutil.which(command[0]):
            raise RuntimeError(f"no {command[0]} here")
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, env=self.env)
        until = time.monotonic() + 20
        while subprocess.run(["curl", "-s", "--unix-socket", self.socket, "http://d/_ping"],
                             capture_output=True).returncode:
            if time.monotonic() > until or self.process.poll() is not None:
                self.end()
                raise RuntimeError(f"{kind} does not start")
            time.sleep(0.1)

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait()


def by_hand(manifest, folder, env, podman):
    """The words of `brig export docker`, as a list."""
    flags = ["--podman"] if podman else []
    text = subprocess.run([BRIG, "export", "docker", *flags, "--seccomp",
                           f"{folder}/seccomp.json", manifest],
                          env=env, check=True, capture_output=True, text=True).stdout
    return shlex.split(text.replace("\\\n", " "))[2:]


def rows(folder, env, missing):
    manifest = os.path.join(folder, "image.toml")
    with open(manifest, "w") as out:
        out.write(f'brig = 1\n[server]\nname = "everything"\nimage = "oci:{LAYOUT}:1"\n'
                  f'args = ["{SERVER}", "stdio"]\n{LIMITS}')
    root = root_of(manifest, env)
    with open(f"{folder}/seccomp.json", "w") as out:
        out.write(subprocess.run([BRIG, "export", "seccomp", manifest], env=env, check=True,
                                 capture_output=True, text=True).stdout)
    bundle = os.path.join(folder, "oci")
    quiet([BRIG, "export", "oci", manifest, bundle], env=env)
    found = {"bare": (["chroot", root, "/usr/bin/node", SERVER, "stdio"], [])}
    found["brig native"] = ([BRIG, "run", manifest], [])
    for runtime in ("crun", "runc", "runsc"):
        if not shutil.which(runtime):
            missing[runtime] = "not installed"
            continue
        found[f"brig {runtime}"] = ([BRIG, "run", "--engine", runtime, manifest], [])
        if runtime == "runsc":
            continue
        # crun refuses a host that has both versions of control groups in its own mounts.
        away = "umount /sys/fs/cgroup/unified 2>/dev/null; " if runtime == "crun" else ""
        script = f'{away}exec {runtime} --root {folder}/{runtime} run --bundle {bundle} "b$$"'
        found[f"{runtime} by hand"] = (["unshare", "-m", "sh", "-c", script], [])
    daemons = []
    for kind in ("docker", "podman"):
        try:
            daemon = Engine(kind, folder)
        except RuntimeError as error:
            missing[kind] = str(error)
            continue
        daemons.append(daemon)
        host = f"unix://{daemon.socket}"
        env.update(daemon.env if kind == "podman" else {})
        env.update({"DOCKER_HOST" if kind == "docker" else "CONTAINER_HOST": host})
        quiet([BRIG, "pull", "--engine", kind, manifest], env=env)
        mark = [b"containerd-shim"] if kind == "docker" else [b"conmon"]
        hard = by_hand(manifest, folder, env, kind == "podman")
        image = next(word for word in hard if word.startswith("brig/pulled"))
        found[f"brig {kind}"] = ([BRIG, "run", "--engine", kind, manifest], mark)
        plain = ["--network", "none"]
        by = [] if kind == "docker" else ["env", "-u", "CONTAINER_HOST"]
        # With CONTAINER_HOST, podman by hand would ask the service, which nobody does who is on it.
        found[f"{kind} plain"] = (by + daemon.client + ["run", "-i", "--rm", *plain, image, SERVER,
                                                   "stdio"], mark)
        found[f"{kind} hardened"] = (by + daemon.client + ["run", *hard], mark)
    return found, daemons


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    folder = tempfile.mkdtemp(prefix="brig-bench-")
    # Runtimes enter it as users of a namespace.
    os.chmod(folder, 0o755)
    env = {"PATH": os.environ["PATH"], "HOME": folder, "XDG_DATA_HOME": f"{folder}/data",
           "XDG_CACHE_HOME": f"{folder}/cache", "XDG_STATE_HOME": f"{folder}/state", "LANG": "C.UTF-8", "TZ": "UTC"}
    daemons, missing = [], {}
    try:
        found, daemons = rows(folder, env, missing)
        for command, _ in found.values():
            if command[:2] == [BRIG, "run"]:
                approve(command, env)
        samples = {name: [] for name in found}
        for index in range(rounds + 1):
            for name in list(samples):
                command, mark = found[name]
                try:
                    measured = one(command, env, mark)
                except (RuntimeError, BrokenPipeError) as error:
                    missing[name] = str(error)
                    del samples[name]
                    continue
                if index:
                    samples[name].append(measured)
    finally:
        for daemon in daemons:
            daemon.end()
        subprocess.run(["umount", "-q", f"{folder}/podman/overlay"], capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)
    middle = {name: [statistics.median(column) for column in zip(*values)]
              for name, values in samples.items() if values}
    bare = middle["bare"][0]
    print(f"{'':20} {'start ms':>9} {'added':>9} {'call us':>9} {'PSS MiB':>9}", file=sys.stderr)
    for name, (start, took, kib) in middle.items():
        print(f"{name:20} {start:9.1f} {start - bare:9.1f} {took:9.0f} {kib / 1024:9.1f}",
              file=sys.stderr)
    if "brig docker" in middle and "docker hardened" in middle:
        ratio = middle["brig docker"][0] / middle["docker hardened"][0]
        print(f"brig docker / docker hardened: {ratio:.2f} (at most 1.10)", file=sys.stderr)
    for name, why in missing.items():
        print(f"{name}: not measured: {why}", file=sys.stderr)
    json.dump({"columns": ["start_ms", "call_us", "pss_kib"], "samples": samples,
               "missing": missing}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
