#!/usr/bin/python3
"""What a granted folder costs: MiB/s that a server writes and reads in it. One run, ratios count.

    cargo build --release --workspace
    scripts/parts                      # dockerd, podman, crun, runc, runsc, bubblewrap
    benches/isolation/disk.py [--samples FILE] [--mib N] [--only NAME]... [ROUNDS [BRIG]]

ROUNDS is 9 unless given, N 128, BRIG target/release/brig. The same static program (disk.c) in each
row: bare twice (what differs between the two is noise), in bubblewrap, in brig by `command`, in
brig by `image` under each engine, and by `docker run -v`. Rounds are interleaved, and each starts
with another row. A write is done once fsync(2) is; before a read the kernel is told to drop what it
keeps, and how many pages it kept all the same is told where it matters. All rows write below one
folder of this machine, TMPDIR or /tmp, which has to lie on the disk that is meant.

With --samples results/disk.json, results/disk-write.json and results/disk-read.json are the samples
in the form of `brig bench`. Needs root and cc with a static C library. A row that cannot be had
says why. Prints medians to standard error, and all samples as JSON to standard output.
"""

import argparse
import contextlib
import gzip
import hashlib
import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import samples as record  # noqa: E402
from approve import approve  # noqa: E402
from egress import Client, Missing, quiet  # noqa: E402
from engines import Engine  # noqa: E402

BARE, AGAIN, DOCKER = "bare", "bare again", "docker plain"
ENGINES = ("crun", "runc", "runsc", "docker", "podman")
WHATS = ("write", "read")
AT = "/granted"


class Disk(Client):
    """disk.c as an MCP server, wherever the command puts it."""

    def megabytes(self, what, mib):
        """MiB/s, and how many pages were in memory as the clock started."""
        result = self.ask("tools/call", {"name": what, "arguments": {"mib": mib}})
        words = [int(word) for word in result["content"][0]["text"].split()]
        return words[0] / (1 << 20) / (words[1] / 1e9), words[2] if len(words) > 2 else 0


def blob(folder, content, kind):
    digest = hashlib.sha256(content).hexdigest()
    with open(os.path.join(folder, "blobs/sha256", digest), "wb") as out:
        out.write(content)
    return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(content)}


def layout(folder, program):
    """An OCI layout whose only image is the program and the folders that a container wants."""
    os.makedirs(os.path.join(folder, "blobs/sha256"))
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as layer:
        for name in ("dev", "etc", "proc", "sys", "tmp", AT[1:]):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            layer.addfile(entry)
        entry = tarfile.TarInfo("disk")
        entry.mode, entry.size = 0o755, os.path.getsize(program)
        with open(program, "rb") as content:
            layer.addfile(entry, content)
    oci = "application/vnd.oci.image."
    packed = blob(folder, gzip.compress(tar.getvalue(), mtime=0), oci + "layer.v1.tar+gzip")
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine)
    config = {"architecture": machine, "os": "linux", "config": {"Entrypoint": ["/disk"]},
              "rootfs": {"type": "layers", "diff_ids": [
                  "sha256:" + hashlib.sha256(tar.getvalue()).hexdigest()]}}
    manifest = {"schemaVersion": 2, "mediaType": oci + "manifest.v1+json", "layers": [packed],
                "config": blob(folder, json.dumps(config).encode(), oci + "config.v1+json")}
    entry = blob(folder, json.dumps(manifest).encode(), oci + "manifest.v1+json")
    entry["annotations"] = {"org.opencontainers.image.ref.name": "1"}
    entry["platform"] = {"architecture": machine, "os": "linux"}
    for name, content in (("oci-layout", {"imageLayoutVersion": "1.0.0"}),
                          ("index.json", {"schemaVersion": 2, "manifests": [entry]})):
        with open(os.path.join(folder, name), "w") as out:
            json.dump(content, out)


class Rows:
    """How to start each row, each in a folder of its own below one."""

    def __init__(self, folder, brig, at_end):
        self.folder, self.brig, self.at_end = folder, brig, at_end
        self.program, self.layout = f"{folder}/disk", f"{folder}/layout"
        self.env = {"PATH": os.environ["PATH"], "HOME": folder, "LANG": "C.UTF-8", "TZ": "UTC",
                    **{f"XDG_{kind.upper()}_HOME": f"{folder}/{kind}"
                       for kind in ("data", "cache", "state", "config")}}
        quiet(["cc", "-O2", "-static", "-o", self.program, os.path.join(HERE, "disk.c")])
        layout(self.layout, self.program)
        self.daemons = {}

    def granted(self, name):
        path = os.path.join(self.folder, "granted", name.replace(" ", "-"))
        os.makedirs(path)
        # Engines show files with the host's owners, and their servers are nobody here.
        os.chmod(path, 0o777)
        return path

    def bare(self, name):
        return [self.program, self.granted(name) + "/file"]

    def bubblewrap(self, name):
        path = self.granted(name)
        return ["bwrap", "--unshare-all", "--die-with-parent", "--cap-drop", "ALL", "--ro-bind",
                self.program, "/disk", "--bind", path, AT, "--proc", "/proc", "--dev", "/dev",
                "/disk", f"{AT}/file"]

    def manifest(self, name, source):
        path = os.path.join(self.folder, name.replace(" ", "-") + ".toml")
        with open(path, "w") as out:
            # The other rows are bounded by nothing.
            out.write(f'brig = 1\n[server]\nname = "disk"\n{source}\n'
                      f'[[files]]\nhost = "{self.granted(name)}"\nat = "{AT}"\naccess = "write"\n'
                      f'[limits]\ncpus = {os.cpu_count()}.0\nmemory = "2GiB"\n')
        return path

    def brigs(self, words):
        command = [self.brig, "run", *words]
        try:
            approve(command, self.env)
        except (SystemExit, subprocess.CalledProcessError) as refused:
            raise Missing(str(refused).strip()) from None
        return command

    def native(self, name):
        return self.brigs([self.manifest(name, f'command = ["{self.program}", "{AT}/file"]')])

    def image(self, name):
        source = f'image = "oci:{self.layout}:1"\nargs = ["{AT}/file"]'
        path = self.manifest(name, source)
        engine = name.split()[1]
        words = [path] if engine == "image" else ["--engine", engine, path]
        if engine in ("docker", "podman"):
            self.daemon(engine)
        try:
            quiet([self.brig, "pull", *words], env=self.env)
            return self.brigs(words)
        except FileNotFoundError as error:
            raise Missing(str(error)) from None

    def daemon(self, kind):
        """One of our own, which the environment names from now on."""
        if kind in self.daemons:
            return self.daemons[kind]
        try:
            daemon = Engine(kind, self.folder)
        except RuntimeError as error:
            raise Missing(str(error)) from None
        self.at_end.callback(daemon.end)
        self.daemons[kind] = daemon
        if kind == "podman":
            self.env["CONTAINERS_CONF"] = daemon.env["CONTAINERS_CONF"]
        self.env["DOCKER_HOST" if kind == "docker" else "CONTAINER_HOST"] = \
            f"unix://{daemon.socket}"
        return daemon

    def by_hand(self, name):
        client = self.daemon("docker").client
        archive = f"{self.folder}/disk.tar"
        quiet(["tar", "-C", self.folder, "-cf", archive, "disk"])
        quiet([*client, "import", archive, "brig/disk:1"])
        return [*client, "run", "-i", "--rm", "--network", "none", "-v",
                f"{self.granted(name)}:{AT}", "brig/disk:1", "/disk", f"{AT}/file"]

    def all(self):
        yield BARE, "cc", self.bare
        yield "bubblewrap", "bwrap", self.bubblewrap
        yield "brig native", self.brig, self.native
        yield "brig image", self.brig, self.image
        for engine in ENGINES:
            yield f"brig {engine}", "dockerd" if engine == "docker" else engine, self.image
        yield DOCKER, "dockerd", self.by_hand
        yield AGAIN, "cc", self.bare


def started(rows, only, missing):
    clients = {}
    for name, needs, words in rows.all():
        if only and name not in (BARE, AGAIN) and not any(part in name for part in only):
            continue
        try:
            if not shutil.which(needs):
                raise Missing(f"no {needs} here")
            client = Disk(name, words(name), rows.folder, env=rows.env)
            rows.at_end.callback(client.end)
            client.hello()
            for what in WHATS:
                client.megabytes(what, 8)
            clients[name] = client
        except Missing as why:
            missing[name] = str(why)
    return clients


def measured(clients, rounds, mib, failed, kept):
    """Samples by row and tool, the warm-up left out; a row that fails ends there."""
    samples = {name: {what: [] for what in WHATS} for name in clients}
    alive = list(clients)
    for index in range(rounds + 1):
        at = index % max(1, len(alive))
        for name in alive[at:] + alive[:at]:
            try:
                for what in WHATS:
                    speed, pages = clients[name].megabytes(what, mib)
                    if index:
                        samples[name][what].append(speed)
                        kept[name] = max(kept.get(name, 0), pages)
            except Missing as why:
                failed[name] = (index, str(why))
                alive.remove(name)
    return samples


def kept_by_kernel(kept):
    """What a reader of `read` has to know."""
    notes = [f"{name}: up to {pages} pages were in memory before a read, in spite of the advice"
             for name, pages in kept.items() if pages > 0]
    silent = [name for name, pages in kept.items() if pages < 0]
    if silent:
        notes.append("not told whether pages were in memory before a read: " + ", ".join(silent))
    return notes


def row(name, what, samples, missing, failed):
    if name in missing:
        return record.subject(name, [], missing[name])
    rounds = [[value] for value in samples[name][what]]
    # It failed before the other tool's turn, or after.
    at = failed.get(name)
    if at is not None:
        rounds = rounds[:max(0, at[0] - 1)]
    series = [record.series("disk", rounds, at)]
    return record.again(name, BARE, series) if name == AGAIN else record.subject(name, series)


def told(samples, missing, failed, notes):
    print(f"{'':16}" + "".join(f"{what:>9}" for what in WHATS) + "   MiB/s", file=sys.stderr)
    for name, rows in samples.items():
        if all(rows.values()):
            print(f"{name:16}" + "".join(f"{statistics.median(rows[what]):9.0f}"
                                         for what in WHATS), file=sys.stderr)
    for name, why in missing.items():
        print(f"{name}: not measured: {why}", file=sys.stderr)
    for name, (index, why) in failed.items():
        print(f"{name}: failed in round {index}: {why}", file=sys.stderr)
    for note in notes:
        print(note, file=sys.stderr)


def asked():
    words = argparse.ArgumentParser(description=__doc__,
                                    formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--samples")
    words.add_argument("--mib", type=int, default=128)
    words.add_argument("--only", action="append", default=[])
    words.add_argument("rounds", type=int, nargs="?", default=9)
    words.add_argument("brig", nargs="?",
                       default=os.path.join(HERE, "../../target/release/brig"))
    given = words.parse_args()
    given.brig = os.path.abspath(given.brig)
    if not os.path.exists(given.brig):
        sys.exit(f"missing: {given.brig} (see the head of this file)")
    if os.getuid():
        sys.exit("missing: root, for daemons and containers")
    if given.rounds < 1 or not 1 <= given.mib <= 4096:
        sys.exit("ROUNDS is at least 1, and N from 1 to 4096")
    return given


def main():
    given = asked()
    began, load = time.time(), os.getloadavg()
    folder, missing, failed, kept = tempfile.mkdtemp(prefix="brig-bench-"), {}, {}, {}
    # Runtimes enter it as users of a namespace.
    os.chmod(folder, 0o755)
    try:
        with contextlib.ExitStack() as at_end:
            clients = started(Rows(folder, given.brig, at_end), given.only, missing)
            if BARE not in clients:
                sys.exit(f"cannot measure: {missing.get(BARE)}")
            samples = measured(clients, given.rounds, given.mib, failed, kept)
    finally:
        subprocess.run(["umount", "-q", f"{folder}/podman/overlay"], capture_output=True,
                       check=False)
        shutil.rmtree(folder, ignore_errors=True)
    notes = kept_by_kernel(kept)
    told(samples, missing, failed, notes)
    names = [*samples, *missing]
    if given.samples:
        base, end = os.path.splitext(given.samples)
        for what in WHATS:
            rows = [row(name, what, samples, missing, failed) for name in names]
            record.write(f"{base}-{what}{end}", f"{what}s in a granted folder, {given.mib} MiB",
                         given.brig, began, load, given.rounds, 1, BARE, rows,
                         notes if what == "read" else ())
    json.dump({"unit": "MiB/s", "samples": samples, "missing": missing, "failed": failed},
              sys.stdout)
    print()


if __name__ == "__main__":
    main()
