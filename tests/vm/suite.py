"""Runs one suite in the guest of scripts/vm, as root, and writes what it found.

The kernel's command line names the suite and the boot. Each check is one line of `results/checks`:
a JSON object with its name, whether it is as planned, and what was found.
"""

import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

REPOSITORY = Path.cwd()
RESULTS = REPOSITORY / "results"
BRIG = REPOSITORY / "target/debug/brig"
COMMAND_LINE = dict(
    word.split("=", 1) for word in Path("/proc/cmdline").read_text().split() if "=" in word
)
# The release that the distribution froze, or the newest one that it has for it.
KERNEL = "stable" if os.uname().release.startswith("6.1.") else "backports"
USER = 1000
# Emulated, a compilation takes half a minute.
PATIENCE_S = 600


def tell(words):
    print(f"[{time.monotonic():7.1f}] {words}", flush=True)


def check(name, as_planned, found=""):
    tell(f"{'ok' if as_planned else 'SURPRISE'} {name} {found if not as_planned else ''}")
    with open(RESULTS / "checks", "a", encoding="utf-8") as file:
        file.write(json.dumps({"name": name, "as-planned": bool(as_planned), "found": found}) + "\n")


def note(name, text):
    """Something to read afterwards, that nothing is expected of."""
    (RESULTS / name).write_text(text, encoding="utf-8")


class Caller:
    """Root, an ordinary user, or that user in a control group that its systemd delegated."""

    def __init__(self, name):
        self.name = name
        self.id = 0 if name == "root" else USER
        self.folder = Path("/srv") / name
        if not self.folder.exists():
            self.fill()

    def fill(self):
        for what in ["examples", "tests/guests/hostile"]:
            shutil.copytree(REPOSITORY / what, self.folder / Path(what).name)
        shutil.copy(BRIG, self.folder / "brig")
        text = '[server]\nname = "hostile"\ncomponent = "hostile.wasm"\n'
        grants = '[[files]]\nhost = "{config}/read"\nat = "/read"\n'
        grants += '[[files]]\nhost = "{config}/write"\nat = "/write"\naccess = "write"\n'
        (self.folder / "hostile/read").mkdir()
        (self.folder / "hostile/write").mkdir()
        for name, limits in [("hostile", ""), ("half", "[limits]\ncpus = 0.5\n")]:
            path = self.folder / f"hostile/{name}.toml"
            path.write_text(f"brig = 1\n{text}{grants}{limits}")
        program = "[server]\nname = \"program\"\ncommand = [\"/usr/bin/cat\"]\n"
        (self.folder / "hostile/program.toml").write_text(f"brig = 1\n{program}{grants}")
        # Nobody could answer here.
        (self.folder / "config/brig").mkdir(parents=True)
        (self.folder / "config/brig/config.toml").write_text('brig = 1\nconsent = "none"\n')
        for path in [self.folder, *self.folder.rglob("*")]:
            os.chown(path, self.id, self.id)

    def manifests(self):
        examples = self.folder / "examples"
        return {
            "units": examples / "units/brig.toml",
            "notes": examples / "notes/brig.toml",
            "hostile": self.folder / "hostile/hostile.toml",
            "program": self.folder / "hostile/program.toml",
        }

    def half(self):
        """A manifest whose limit takes a control group."""
        return self.folder / "hostile/half.toml"

    def words(self, words):
        program = [str(self.folder / "brig"), *map(str, words)]
        if self.name == "root":
            return program
        become = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--init-groups"]
        if self.name == "delegated":
            become += ["systemd-run", "--user", "--scope", "--quiet", "-p", "Delegate=yes"]
        return [*become, *program]

    def environment(self):
        home = "/root" if self.id == 0 else "/home/someone"
        runtime = f"/run/user/{self.id}"
        return {
            "PATH": os.environ["PATH"],
            "HOME": home,
            "XDG_CONFIG_HOME": str(self.folder / "config"),
            "XDG_RUNTIME_DIR": runtime,
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={runtime}/bus",
        }

    def run(self, *words, before=(), stdin=""):
        return subprocess.run(
            [*before, *self.words(words)],
            env=self.environment(),
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )


CALLERS = ["root", "user", "delegated"]


def parsed(output):
    try:
        return json.loads(output.stdout)
    except ValueError:
        return {}


def told(output):
    return f"{output.returncode}: {output.stdout[-2000:]} {output.stderr[-2000:]}"


def verify(caller, name, manifest, wanted=(), before=()):
    output = caller.run("verify", "--json", manifest, before=before)
    verdict = parsed(output)
    walls = verdict.get("verdict", {}).get("walls", [])
    note(f"verify-{caller.name}-{name}.json", output.stdout)
    differ = [wall for wall in walls if wall["planned"] != wall["found"]]
    missing = [wall for wall in wanted if wall not in [w["name"] for w in walls]]
    stands = output.returncode == 0 and verdict.get("stands") and walls and not differ
    found = {"walls": len(walls), "differ": differ, "missing": missing}
    if not stands:
        found["told"] = told(output)
    check(f"verify {name} as {caller.name}", stands and not missing, found)


def doctor():
    want = json.loads((REPOSITORY / "tests/vm/doctor.json").read_text())[KERNEL]
    for name in CALLERS:
        caller = Caller(name)
        text = caller.run("doctor")
        note(f"doctor-{name}.txt", text.stdout + text.stderr)
        output = caller.run("doctor", "--json")
        report = parsed(output)
        found = {finding["name"]: finding["found"] for finding in report.get("findings", [])}
        found["cell"] = report.get("component-cell")
        for finding, words in (want["all"] | want[name]).items():
            check(f"doctor as {name}: {finding}", found.get(finding) == words, found.get(finding))
        check(f"doctor as {name} ends well", output.returncode == text.returncode == 0, told(output))


GROUP_WALLS = [f"control group, {controller}" for controller in ["cpu", "memory", "pids"]]


def verify_all():
    handed_on = Path("/sys/fs/cgroup/system.slice/cgroup.subtree_control").read_text().strip()
    tell(f"system.slice hands on: {handed_on}")
    for name in CALLERS:
        caller = Caller(name)
        for manifest, path in caller.manifests().items():
            verify(caller, manifest, path)
        if name != "user":
            verify(caller, "half", caller.half(), GROUP_WALLS)
    nobodys_group(Caller("user"))
    for name in ["root", "delegated"]:
        half_is_held(Caller(name))
        start_times(Caller(name))
    costs = subprocess.run([sys.executable, "tests/vm/group_cost.py"], capture_output=True, text=True)
    note("group-cost.json", costs.stdout + costs.stderr)
    tell(f"a child and its group, median us: {costs.stdout.strip()}")
    check("starting a child in its group is measured", costs.returncode == 0, costs.stderr)
    left = [str(path) for path in Path("/sys/fs/cgroup").rglob("brig-*-*")]
    check("no control group is left", not left, left)


def nobodys_group(caller):
    """Half a processor takes a control group, and this caller has none."""
    output = caller.run("verify", "--json", caller.half())
    words = output.stdout + output.stderr
    refused = output.returncode == 4 and "processor-share" in words and "Delegate=yes" in words
    check("half a processor without a group is refused by name", refused, told(output))


def half_is_held(caller):
    """A guest that spins on half a processor gets that and no more, as its group counts it."""
    spin = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    spin["params"] = {"name": "spin", "arguments": {}}
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}}
    hello["clientInfo"] = {"name": "suite", "version": "0"}
    first = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello}
    ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    process = subprocess.Popen(
        caller.words(["run", caller.half()]),
        env=caller.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdin.write(json.dumps(first) + "\n")
    process.stdin.flush()
    process.stdout.readline()
    process.stdin.write(json.dumps(ready) + "\n" + json.dumps(spin) + "\n")
    process.stdin.flush()
    time.sleep(1)
    groups = {str(path.parent) for path in Path("/sys/fs/cgroup").rglob("brig-*-*/cpu.stat")}
    used = [processor_us(group) for group in groups]
    began = time.monotonic()
    time.sleep(4)
    share = [
        round((processor_us(group) - before) / 1e6 / (time.monotonic() - began), 3)
        for group, before in zip(groups, used)
    ]
    process.stdin.close()
    process.wait(timeout=PATIENCE_S)
    found = {"groups": sorted(groups), "share": share}
    note(f"spin-{caller.name}.json", json.dumps(found))
    tell(f"half as {caller.name}: {found}")
    check(f"half a processor holds as {caller.name}", held_to_half(share), found)


def held_to_half(share):
    return len(share) == 1 and 0.3 < share[0] < 0.6


def processor_us(group):
    stat = dict(line.split() for line in (Path(group) / "cpu.stat").read_text().splitlines())
    return int(stat["usage_usec"])


def start_times(caller):
    """Warm starts on a whole processor and on half of one, by turns."""
    times = {"half": [], "hostile": []}
    for _ in range(12):
        for name, into in times.items():
            manifest = caller.folder / f"hostile/{name}.toml"
            began = time.monotonic()
            caller.run("run", manifest)
            into.append(round((time.monotonic() - began) * 1000))
    middle = {name: sorted(found)[len(found) // 2] for name, found in times.items()}
    note(f"starts-{caller.name}.json", json.dumps({"median ms": middle, "all": times}))
    tell(f"starts as {caller.name}, median ms: {middle}")


def tests(name, words, environment):
    """The test program itself."""
    program = REPOSITORY / "target/debug/deps/it"
    command = [program, *words, "--nocapture", "--test-threads=1"]
    environment = os.environ | environment | {"HOME": "/root", "BRIG_SLOW": "10"}
    output = subprocess.run(
        command, env=environment, capture_output=True, text=True, errors="replace", check=False
    )
    note(f"{name}.log", output.stdout + output.stderr)
    result = [line for line in output.stdout.splitlines() if line.startswith("test result")]
    check(f"{name}: {' '.join(words)}", output.returncode == 0, result or told(output))


def escape():
    tests("escape", ["escape"], {"BRIG_ATTACK": COMMAND_LINE["brig.only"]})
    report = REPOSITORY / "target/escape.json"
    if report.exists():
        shutil.copy(report, RESULTS / "escape.json")


def kills():
    # Emulated, a round takes twenty times as long.
    tests("kills", ["kills::a_killed"], {"BRIG_KILL_ROUNDS": "15"})


# What a program is started through so that it does not get a feature of the kernel. The first hides
# what brig asks, as a kernel that is built without it has no such file; the second has the calls
# fail that would set a filter.
WITHOUT = {
    "seccomp": [
        "unshare",
        "--mount",
        "sh",
        "-c",
        'mount -t tmpfs none /proc/sys/kernel/seccomp; exec "$@"',
        "sh",
    ],
    "seccomp-calls": [sys.executable, str(REPOSITORY / "tests/vm/without_seccomp.py")],
}


def of_kernel(value):
    """A value that is the same for all kernels, or one of each."""
    return value[KERNEL] if isinstance(value, dict) and KERNEL in value else value


def boots():
    data = tomllib.loads((REPOSITORY / "tests/vm/boots.toml").read_text())
    boot = next(boot for boot in data["boot"] if boot["name"] == COMMAND_LINE["brig.boot"])
    for case in boot["case"]:
        before = {}
        for switch, value in case.get("sysctl", {}).items():
            path = Path("/proc/sys") / switch.replace(".", "/")
            before[path] = path.read_text()
            path.write_text(str(value))
        for who in case["who"]:
            hold(case, Caller(who))
        for path, value in before.items():
            path.write_text(value)


def hold(case, caller):
    """What holds each denial in this boot, or that the start is refused by the denial's name."""
    name = f"{case['name']} as {caller.name}"
    wrapped = WITHOUT[case["without"]] if "without" in case else []
    report = parsed(caller.run("doctor", "--json", before=wrapped))
    cell = report.get("component-cell")
    check(f"{name}: the cell", cell == of_kernel(case["cell"]), report)
    manifest = caller.half() if case.get("half") else caller.manifests()["hostile"]
    plan = caller.run("plan", "--json", manifest, before=wrapped)
    note(f"plan-{case['name']}-{caller.name}.json", told(plan))
    if "fails" in case:
        output = caller.run("run", manifest, before=wrapped)
        as_planned = output.returncode not in (0, 4) and case["fails"] in output.stderr
        check(f"{name}: run fails", as_planned, told(output))
        return
    refused = of_kernel(case.get("refused", {}))
    if refused:
        faults = plan.stdout + plan.stderr
        for denial, remedy in refused.items():
            known = f"`{denial}`" in faults and remedy in faults
            check(f"{name}: {denial} is refused by name", plan.returncode == 4 and known, told(plan))
        for what in ["verify", "run"]:
            output = caller.run(what, manifest, before=wrapped)
            check(f"{name}: {what} is refused", output.returncode == 4, told(output))
        return
    held = {row["denial"]: row["by"] for row in parsed(plan).get("plan", {}).get("held", [])}
    for denial, mechanisms in of_kernel(case.get("held", {})).items():
        as_planned = held.get(denial) == of_kernel(mechanisms)
        check(f"{name}: {denial}", as_planned, held.get(denial))
    residuals = parsed(plan).get("plan", {}).get("residuals", [])
    named = {residual["name"] for residual in residuals}
    for residual in of_kernel(case.get("residuals", [])):
        check(f"{name}: {residual} is told", residual in named, sorted(named))
    verify(caller, case["name"], manifest, before=wrapped)


SUITES = {"doctor": doctor, "verify": verify_all, "escape": escape, "kills": kills, "boots": boots}


def main():
    suite = COMMAND_LINE["brig.suite"]
    tell(f"{suite} on Linux {os.uname().release}")
    # A user's systemd may still be coming up.
    subprocess.run(["systemctl", "start", f"user@{USER}.service"], check=True)
    try:
        SUITES[suite]()
        check("the suite came to its end", True)
    except Exception as error:  # Whatever it was, the host is to hear of it.
        check("the suite came to its end", False, repr(error))
    (RESULTS / "done").write_text(suite)


sys.exit(main())
