"""Writes what a bench measured in the form of `brig bench`, which `brig bench report` reads.

The form and its rules stand in runtime/bench/samples.rs.
"""

import json
import os
import re
import subprocess
import sys
import time

FORM, TEXT_CHARS_MAX = 1, 1000


def text(told):
    """One line that a terminal shows as it is, as the form wants it."""
    shown = re.sub(r"\s+", " ", re.sub(r"[^\x20-\x7e]", " ", str(told))).strip()
    return shown[:TEXT_CHARS_MAX] or "it does not say"


def subject(name, series, absent=None):
    """A row that is compared with the baseline; `series` is nothing where it is absent."""
    return {"name": name, "role": {"is": "subject"}, "version": None,
            "absent": None if absent is None else text(absent),
            "series": [] if absent is not None else series, "stages": []}


def again(name, of, series):
    """A row that is the same as another one, and shows the noise."""
    return {**subject(name, series), "role": {"is": "again", "of": of}}


def series(measure, rounds, failed=None):
    """Values of each round; of one that failed, those of the rounds before, and (round, why)."""
    if failed is not None:
        failed = {"round": failed[0], "why": text(failed[1])}
    return {"measure": measure, "rounds": rounds, "failed": failed}


def found(path, pattern, otherwise):
    try:
        with open(path) as file:
            match = re.search(pattern, file.read(), re.M)
    except OSError:
        match = None
    return text(match.group(1)) if match else otherwise


def machine(load_before, notes):
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 1024
    return {
        "processor": found("/proc/cpuinfo", r"^model name\s*: (.*)$", os.uname().machine),
        "processors": len(os.sched_getaffinity(0)), "memory-kib": memory,
        "kernel": text(os.uname().release),
        "system": found("/etc/os-release", r'^PRETTY_NAME="?([^"\n]*)', "unknown"),
        "load-before": list(load_before), "load-after": list(os.getloadavg()),
        "notes": [text(note) for note in notes],
    }


def version(brig):
    told = subprocess.run([brig, "--version"], capture_output=True, text=True, check=True).stdout
    return text(told.split()[-1])


def write(path, title, brig, began, load_before, rounds, warm_up, baseline, rows, notes=()):
    """`began` is in seconds since 1970; `warm_up` rounds came before and are not in the rows."""
    record = {
        "brig-bench": FORM, "title": text(title),
        # Where this machine keeps things is nobody's business.
        "command": [text(os.path.basename(word) if word.startswith("/") else word)
                    for word in sys.argv],
        "brig": version(brig), "taken": int(began), "rounds": rounds, "warm-up": warm_up,
        "machine": machine(load_before, notes), "baseline": baseline, "rows": rows,
    }
    whole = path + ".new"
    with open(whole, "w") as out:
        json.dump(record, out, allow_nan=False)
        out.write("\n")
    os.replace(whole, path)
    print(f"samples: {path} ({time.strftime('%F', time.gmtime(began))})", file=sys.stderr)
