#!/usr/bin/python3
"""What `brig check` takes for a manifest of 200 grants, without a fault and with 100 of them.

    cargo build --release
    benches/check.py [ROUNDS] [BRIG]   # default 100, target/release/brig

Rounds are interleaved; `--version` is the program by itself. Prints milliseconds, those of the
processor and those from spawn to end, to standard error, and all samples as JSON to standard output.
The promise (issue 5) is 10 ms of process time in each row. Exits with 1 where a median breaks it.
"""

import json
import os
import statistics
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
GRANTS, FAULTS, MOST_MS = 200, 100, 10.0

# Each as an author may get it wrong, one fault an entry.
MISTAKES = [('access = "write"', 'access = "rw"'), ('at = "/data', 'at = "data'),
            ("optional = true", 'optional = "yes"'), ('host = "{config}/', 'host = "{folder}/'),
            ("optional", "optionall")]


def manifest(faults):
    text = ['brig = 1\n\n[server]\nname = "many"\ncommand = ["cat"]\n']
    for count in range(GRANTS):
        entry = (f'\n# What the server works on, {count}.\n[[files]]\n'
                 f'host = "{{config}}/part-{count}"\nat = "/data/part-{count}"\n'
                 f'access = "write"\noptional = true\n')
        if count < faults:
            wrong = entry.replace(*MISTAKES[count % len(MISTAKES)])
            assert wrong != entry
            entry = wrong
        text.append(entry)
    return "".join(text)


def run(command, code):
    """Milliseconds of the processor, and of the clock."""
    with open(os.devnull, "w") as none:
        to = [(os.POSIX_SPAWN_DUP2, none.fileno(), 1), (os.POSIX_SPAWN_DUP2, none.fileno(), 2)]
        begun = time.perf_counter()
        process = os.posix_spawn(command[0], command, os.environ, file_actions=to)
        _, status, used = os.wait4(process, 0)
        took = time.perf_counter() - begun
    if os.waitstatus_to_exitcode(status) != code:
        sys.exit(f"{command}: status {status}")
    return (used.ru_utime + used.ru_stime) * 1e3, took * 1e3


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    brig = sys.argv[2] if len(sys.argv) > 2 else os.path.join(HERE, "target/release/brig")
    if not os.path.exists(brig):
        sys.exit(f"missing: {brig} (see the head of this file)")
    with tempfile.TemporaryDirectory() as folder:
        paths = {}
        for name, faults in (("good", 0), ("bad", FAULTS)):
            paths[name] = os.path.join(folder, name + ".toml")
            with open(paths[name], "w") as file:
                file.write(manifest(faults))
        found = os.popen(f"{brig} check --json {paths['bad']}").read()
        if len(json.loads(found)) != FAULTS:
            sys.exit(f"{len(json.loads(found))} faults and not {FAULTS}")
        rows = {
            "the program alone": ([brig, "--version"], 0),
            "200 grants": ([brig, "check", paths["good"]], 0),
            "200 grants, --json": ([brig, "check", "--json", paths["good"]], 0),
            "100 faults": ([brig, "check", paths["bad"]], 3),
            "100 faults, --json": ([brig, "check", "--json", paths["bad"]], 3),
        }
        samples = {name: [] for name in rows}
        for _ in range(rounds):
            for name, (command, code) in rows.items():
                samples[name].append(run(command, code))
    print(f"{'':20} {'processor':>10} {'least':>8} {'clock':>8} {'least':>8}   ms", file=sys.stderr)
    broken = False
    for name, taken in samples.items():
        used, took = zip(*taken)
        median = statistics.median(used)
        broken |= median > MOST_MS
        print(f"{name:20} {median:10.2f} {min(used):8.2f} {statistics.median(took):8.2f} "
              f"{min(took):8.2f}", file=sys.stderr)
    json.dump(samples, sys.stdout)
    return 1 if broken else 0


sys.exit(main())
