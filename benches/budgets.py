#!/usr/bin/python3
"""Whether brig keeps what it promises of its cost: every line of budgets.toml, kept or MISSED.

    cargo build --release --workspace
    scripts/parts                      # images, engines, socat, bubblewrap
    benches/egress.py --install 1      # slirp4netns, pasta, squid
    benches/budgets.py [OPTIONS]       # as root; a quarter of an hour on a quiet machine

  --only NAME      only promises whose name contains it; may be given again
  --rounds N       so many of every bench, in place of those of budgets.toml
  --json           the findings as JSON on standard output, in place of lines
  --save FILE      writes all samples there
  --from FILE      judges samples that --save wrote, and measures nothing
  --budgets FILE   other promises than those of budgets.toml

Prints a line for each promise: its verdict, the value, between which values 95 of 100 draws of
rounds lie, and the bound. UNSURE is a value that keeps the bound and whose spread does not. For
each that is MISSED it then runs what tells where the time goes. Exits with 0 where every promise is
kept, with 1 where one is missed, unsure or not measured, with 2 where a file or an option is wrong.
hyper-mcp is measured where a program of that name is in PATH or $HYPER_MCP names it, and
$HYPER_MCP_PLUGIN names a plugin for it to load.
"""

import argparse
import json
import os
import platform
import shlex
import signal
import subprocess
import sys
import tempfile
import tomllib

from judging import BOUNDS, KEPT, MISSED, VALUES, finding, line
from results import FORMS, VERSION, Faulty, failed, loaded, measured

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# A bench that takes longer hangs.
BENCH_SECONDS_MAX = 3600
WHY_CHARS_MAX = 300
PROMISE = {"name": str, "words": str, "bench": str, "measures": list, "value": str, "unit": str,
           "where": str}
BENCH = {"command": str, "form": str, "rounds": int}


def entry(table, keys, more, where):
    """A table with exactly these keys, and some of others."""
    for key, kind in keys.items():
        if type(table.get(key)) is not kind:
            raise Faulty(f"{where}: `{key}` is missing or of another kind")
    unknown = sorted(set(table) - set(keys) - set(more))
    if unknown:
        raise Faulty(f"{where}: `{unknown[0]}` is unknown or one too many")
    return table


def promised(table, benches, at):
    """A promise as judging.py takes it."""
    where = f"promise {table.get('name', at)}"
    bounds = [bound for bound in BOUNDS if bound in table]
    if len(bounds) != 1 or type(table[bounds[0]]) is not float:
        raise Faulty(f"{where}: it takes one of {', '.join(BOUNDS)}, as a number with a point")
    if table.get("value") not in VALUES:
        raise Faulty(f"{where}: `value` is none of {', '.join(VALUES)}")
    rows = VALUES[table["value"]]
    entry(table, {**PROMISE, **{row: str for row in rows}}, bounds, where)
    if table["bench"] not in benches:
        raise Faulty(f"{where}: no bench is called {table['bench']}")
    if not table["measures"] or not all(type(one) is str for one in table["measures"]):
        raise Faulty(f"{where}: `measures` is no list of names")
    return {**table, "bound": (bounds[0], table[bounds[0]])}


def budgets(path):
    """Benches and promises of a file."""
    with open(path, "rb") as file:
        table = tomllib.load(file)
    entry(table, {"bench": dict, "promise": list}, [], "the file")
    for name, bench in table["bench"].items():
        entry(bench, BENCH, [], f"bench {name}")
        if bench["form"] not in FORMS or bench["rounds"] < 1:
            raise Faulty(f"bench {name}: its form is unknown, or it has no round")
    promises = [promised(one, table["bench"], at) for at, one in enumerate(table["promise"], 1)]
    names = [one["name"] for one in promises]
    for name in names:
        if names.count(name) > 1:
            raise Faulty(f"promise {name}: it stands there twice")
    return table["bench"], promises


def ran(command, output):
    """What it printed last on standard error and how it ended; all of it is shown as it comes."""
    words = shlex.split(command)
    if words[0].endswith(".py"):
        words = [sys.executable, *words]
    process = subprocess.Popen(words, cwd=HERE, stdin=subprocess.DEVNULL, stdout=output,
                               stderr=subprocess.PIPE, text=True, errors="replace",
                               start_new_session=True)
    # A bench that hangs would hold its pipe open; whoever is of its session ends with it.
    signal.signal(signal.SIGALRM, lambda *_: os.killpg(process.pid, signal.SIGKILL))
    signal.alarm(BENCH_SECONDS_MAX)
    said = ""
    try:
        for told in process.stderr:
            print(f"  {told}", end="", file=sys.stderr, flush=True)
            said = told.strip() or said
        return said, process.wait()
    except KeyboardInterrupt:
        os.killpg(process.pid, signal.SIGINT)
        process.wait()
        raise
    finally:
        signal.alarm(0)


def run(name, bench, rounds):
    command = bench["command"].format(rounds=rounds or bench["rounds"])
    print(f"{name}: {command}", file=sys.stderr, flush=True)
    with tempfile.TemporaryFile("w+") as output:
        said, status = ran(command, output)
        output.seek(0)
        text = output.read()
    # A bench exits with 1 where a promise of its own is missed, after it printed its samples.
    try:
        return measured(bench["form"], json.loads(text))
    except (json.JSONDecodeError, Faulty) as wrong:
        # What it printed before it failed says more than that it printed no JSON.
        why = said[-WHY_CHARS_MAX:] if not text.strip() and said else str(wrong)
        return failed(f"{command}: exit {status}: {why}")


def explained(findings):
    """Where the time goes, once for each command of what is missed."""
    missed = [found for found in findings if found["verdict"] == MISSED]
    for where in dict.fromkeys(found["where"] for found in missed):
        of = sorted({found["promise"] for found in missed if found["where"] == where})
        print(f"where it goes, of {', '.join(of)}: {where}", file=sys.stderr, flush=True)
        _, status = ran(where, sys.stderr)
        if status:
            print(f"  it cannot be told: exit {status}", file=sys.stderr)


def options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--only", action="append", default=[], metavar="NAME")
    parser.add_argument("--rounds", type=int, metavar="N")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--save", metavar="FILE")
    parser.add_argument("--from", dest="stored", metavar="FILE")
    parser.add_argument("--budgets", default=os.path.join(HERE, "benches/budgets.toml"))
    given = parser.parse_args()
    if given.rounds is not None and given.rounds < 1 or given.stored and given.save:
        parser.error("--rounds is from 1 on, and --save goes with a measurement")
    return given


def chosen(promises, names):
    picked = [one for one in promises if not names or any(name in one["name"] for name in names)]
    for name in names:
        if not any(name in one["name"] for one in promises):
            raise Faulty(f"no promise has {name!r} in its name")
    return picked


def results(given, benches, promises):
    if given.stored:
        with open(given.stored, encoding="utf-8") as file:
            return loaded(json.load(file))
    # Before anything is measured: a quarter of an hour later it would be too late to say that the
    # file cannot be written.
    with open(given.save or os.devnull, "w", encoding="utf-8") as file:
        needed = dict.fromkeys(one["bench"] for one in promises)
        found = {name: run(name, benches[name], given.rounds) for name in needed}
        machine = {"kernel": platform.release(), "processors": os.cpu_count(),
                   "load": os.getloadavg()}
        json.dump({"brig-budgets": VERSION, "machine": machine, "benches": found}, file)
    return found


def main():
    given = options()
    read = given.budgets
    try:
        benches, every = budgets(read)
        promises = chosen(every, given.only)
        read = given.stored or given.save
        found = results(given, benches, promises)
    except (Faulty, OSError, ValueError) as wrong:
        why = wrong.strerror if isinstance(wrong, OSError) else wrong
        print(f"budgets.py: {read}: {why}", file=sys.stderr)
        return 2
    findings = [finding(promise, measure, found.get(promise["bench"]))
                for promise in promises for measure in promise["measures"]]
    if given.json:
        json.dump(findings, sys.stdout, indent=1)
        print()
    else:
        print("\n".join(line(one) for one in findings), flush=True)
    if not given.stored:
        explained(findings)
    return 0 if all(one["verdict"] == KEPT for one in findings) else 1


if __name__ == "__main__":
    sys.exit(main())
