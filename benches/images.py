#!/usr/bin/python3
"""What an image's cell costs, beside what a user would run instead. One run, ratios count.

    cargo build --release -p brig
    scripts/parts                      # the images, the servers, skopeo, umoci, bubblewrap
    benches/images.py [ROUNDS]         # default 15

Every row starts server-everything of images/recipes: bare, in bubblewrap with the same namespaces and
the same root, in brig by `command` and by `image`, in crun and runc from brig's own bundle, and by
`docker run -i --rm`, plain and hardened, where a daemon of docker.io can be started here. Rounds are
interleaved. Prints milliseconds from spawn to the reply to `initialize`, PSS of all processes of one
server, and how long the image takes to pull and to unpack beside skopeo and umoci. Needs root. A row
that cannot be had says why.

All samples go to standard output as JSON, the table to standard error.
"""

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from approve import approve

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PARTS = os.environ.get("BRIG_PARTS", os.path.join(HERE, "target/parts"))
BRIG = os.path.join(HERE, "target/release/brig")
LAYOUT = os.path.join(PARTS, "images/node")
SERVER = "/node_modules/@modelcontextprotocol/server-everything/dist/index.js"
HELLO = (json.dumps({
    "jsonrpc": "2.0", "id": 1, "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {},
               "clientInfo": {"name": "bench", "version": "0"}}}) + "\n").encode()
# The other rows are bounded by nothing, and Node uses what processors there are.
LIMITS = f"[limits]\ncpus = {os.cpu_count()}.0\n"
HARD = ["--network", "none", "--read-only", "--cap-drop", "ALL", "--user", "65534:65534",
        "--security-opt", "no-new-privileges", "--memory", "384m", "--pids-limit", "65",
        "--tmpfs", "/tmp:rw,noexec,nosuid,size=64m"]


def quiet(command, **more):
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True,
                          **more)


def spawn(command, env):
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, env=env, bufsize=0, start_new_session=True)


def replied(process):
    reply = b""
    while not reply.endswith(b"\n"):
        piece = process.stdout.read(65536)
        if not piece:
            raise RuntimeError("it ended without a reply")
        reply += piece
    if b'"serverInfo"' not in reply:
        raise RuntimeError("its reply is " + reply[:200].decode())


def end(process):
    process.stdin.close()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def start(command, env):
    begun = time.perf_counter()
    process = spawn(command, env)
    process.stdin.write(HELLO)
    replied(process)
    took = (time.perf_counter() - begun) * 1e3
    end(process)
    return took


def family(root):
    found = [root]
    for process in found:
        try:
            for task in os.listdir(f"/proc/{process}/task"):
                with open(f"/proc/{process}/task/{task}/children") as children:
                    found += [int(child) for child in children.read().split()]
        except OSError:
            continue
    return found


def memory(command, env):
    """KiB of PSS of everything below the command."""
    process = spawn(command, env)
    process.stdin.write(HELLO)
    replied(process)
    total = 0
    for one in family(process.pid):
        try:
            with open(f"/proc/{one}/smaps_rollup") as rollup:
                total += next(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))
        except OSError:
            continue
    end(process)
    return total


def docker(folder):
    """A daemon of our own with the image, as the start of a command; it is ended by the second."""
    if not shutil.which("dockerd") or not shutil.which("docker"):
        raise RuntimeError("no dockerd here")
    host = f"unix://{folder}/d.sock"
    daemon = subprocess.Popen(
        ["dockerd", "--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec", "-H", host,
         "-p", f"{folder}/d.pid"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    client = ["docker", "-H", host]
    try:
        until = time.monotonic() + 20
        while subprocess.run(client + ["version"], capture_output=True).returncode:
            if time.monotonic() > until or daemon.poll() is not None:
                raise RuntimeError("dockerd does not start")
            time.sleep(0.2)
        archive = f"{folder}/node.tar"
        quiet(["skopeo", "--insecure-policy", "copy", "-q", f"oci:{LAYOUT}:1",
               f"docker-archive:{archive}:brig/node:1"])
        quiet(client + ["load", "-i", archive])
    except BaseException:
        daemon.terminate()
        daemon.wait()
        raise
    return client, daemon


def timed(command, before=None, **more):
    if before:
        before()
    begun = time.perf_counter()
    quiet(command, **more)
    return (time.perf_counter() - begun) * 1e3


def files(folder, env, rounds):
    """Pulling from a layout and unpacking, beside skopeo and umoci: both with one call each."""
    store, copy, bundle = (os.path.join(folder, name) for name in ("brig-store", "copy", "bundle"))

    def clear():
        for path in (store, copy, bundle):
            shutil.rmtree(path, ignore_errors=True)
    own = {**env, "XDG_DATA_HOME": store}
    samples = {"brig pull": [], "skopeo + umoci": []}
    for _ in range(rounds):
        samples["brig pull"].append(timed([BRIG, "pull", f"oci:{LAYOUT}:1"], clear, env=own))
        copied = timed(["skopeo", "--insecure-policy", "copy", "-q", f"oci:{LAYOUT}:1",
                        f"oci:{copy}:1"], clear)
        unpacked = timed(["umoci", "unpack", "--image", f"{copy}:1", bundle])
        samples["skopeo + umoci"].append(copied + unpacked)
    clear()
    return samples


def root_of(image, env):
    quiet([BRIG, "pull", image], env=env)
    plan = json.loads(subprocess.run([BRIG, "plan", "--json", image], env=env, check=True,
                                     capture_output=True).stdout)
    return next(m["source"] for m in plan["plan"]["cell"]["mounts"] if m["is"] == "image")


def rows(folder, env):
    image, command = os.path.join(folder, "image.toml"), os.path.join(folder, "command.toml")
    with open(image, "w") as out:
        out.write(f'brig = 1\n[server]\nname = "everything"\nimage = "oci:{LAYOUT}:1"\n'
                  f'args = ["{SERVER}", "stdio"]\n{LIMITS}')
    # The same Node as in the image: it is no part of this host's system, and is bound alone.
    node = os.path.join(root_of(image, env), "usr/bin/node")
    modules = os.path.join(PARTS, "servers/node/node_modules")
    with open(command, "w") as out:
        out.write(f'brig = 1\n[server]\nname = "everything"\n'
                  f'command = ["{node}", "{SERVER}", "stdio"]\n{LIMITS}'
                  f'[[files]]\nhost = "{modules}"\nat = "/node_modules"\n')
    root = root_of(image, env)
    bundle = os.path.join(folder, "oci")
    quiet([BRIG, "export", "oci", image, bundle], env=env)
    # It makes no mount points in a root that is read-only, so each part is bound by itself.
    parts = []
    for name in sorted(os.listdir(root)):
        path = os.path.join(root, name)
        link = os.path.islink(path)
        source = os.readlink(path) if link else path
        parts += ["--symlink" if link else "--ro-bind", source, f"/{name}"]
    found = {
        "bare": ["chroot", root, "/usr/bin/node", SERVER, "stdio"],
        "bubblewrap": ["bwrap", "--unshare-all", "--die-with-parent", "--new-session",
                       "--cap-drop", "ALL", *parts, "--proc", "/proc",
                       "--dev", "/dev", "--tmpfs", "/tmp", "--clearenv",
                       "--setenv", "PATH", "/usr/bin", "node", SERVER, "stdio"],
        "brig command": [BRIG, "run", command],
        "brig image": [BRIG, "run", image],
    }
    for runtime in ("crun", "runc"):
        if shutil.which(runtime):
            # crun refuses a host that has both versions of control groups in its own mounts.
            away = "umount /sys/fs/cgroup/unified 2>/dev/null; " if runtime == "crun" else ""
            script = (f"{away}exec {runtime} --root {folder}/{runtime} run "
                      f'--bundle {bundle} "b$$"')
            found[runtime] = ["unshare", "-m", "sh", "-c", script]
    return found


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    folder = tempfile.mkdtemp(prefix="brig-bench-")
    env = {"PATH": os.environ["PATH"], "HOME": folder, "XDG_DATA_HOME": f"{folder}/data",
           "XDG_CACHE_HOME": f"{folder}/cache", "XDG_STATE_HOME": f"{folder}/state"}
    daemon, missing = None, {}
    try:
        found = rows(folder, env)
        for command in found.values():
            if command[:2] == [BRIG, "run"]:
                approve(command, env)
        try:
            client, daemon = docker(folder)
            run = client + ["run", "-i", "--rm"]
            words = ["brig/node:1", SERVER, "stdio"]
            found["docker"] = run + words
            found["docker hardened"] = run + HARD + words
        except (RuntimeError, subprocess.CalledProcessError) as error:
            missing["docker"] = str(error)
        samples = {name: [] for name in found}
        for index in range(rounds + 1):
            for name in list(samples):
                try:
                    took = start(found[name], env)
                except (RuntimeError, BrokenPipeError) as error:
                    missing[name] = str(error)
                    del samples[name]
                    continue
                if index:
                    samples[name].append(took)
        pss = {name: memory(found[name], env) for name in samples if "docker" not in name}
        unpacking = files(folder, env, max(3, rounds // 5))
    finally:
        if daemon:
            daemon.terminate()
            daemon.wait()
        shutil.rmtree(folder, ignore_errors=True)
    bare = statistics.median(samples["bare"])
    print(f"{'start':22} {'median':>9} {'least':>9} {'added':>9}  ms", file=sys.stderr)
    for name, values in samples.items():
        median = statistics.median(values)
        print(f"  {name:20} {median:9.1f} {min(values):9.1f} {median - bare:9.1f}", file=sys.stderr)
    print(f"{'memory':22} {'PSS':>9}  MiB", file=sys.stderr)
    for name, kib in pss.items():
        print(f"  {name:20} {kib / 1024:9.1f}", file=sys.stderr)
    print(f"{'pull and unpack':22} {'median':>9}  ms", file=sys.stderr)
    for name, values in unpacking.items():
        print(f"  {name:20} {statistics.median(values):9.0f}", file=sys.stderr)
    for name, why in missing.items():
        print(f"  {name}: not measured: {why}", file=sys.stderr)
    json.dump({"start_ms": samples, "pss_kib": pss, "unpack_ms": unpacking, "missing": missing},
              sys.stdout)
    print()


if __name__ == "__main__":
    main()
