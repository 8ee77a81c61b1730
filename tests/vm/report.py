"""Sums up what a boot of scripts/vm found, or lists the boots of a suite (`--boots SUITE WORDS`).

It ends with 1 where something is not as planned, or was not found out.
"""

import json
import sys
import tomllib
from pathlib import Path


def boots(suite, words):
    if suite != "boots":
        print(f"{suite}\t")
        return
    data = tomllib.loads(Path("tests/vm/boots.toml").read_text(encoding="utf-8"))
    for boot in data["boot"]:
        if words in boot["name"]:
            print(f"{boot['name']}\t{boot['append']}")


def report(name, folder, seconds):
    lines = folder / "results/checks"
    checks = [json.loads(line) for line in lines.read_text().splitlines()] if lines.exists() else []
    surprises = [check for check in checks if not check["as-planned"]]
    for check in surprises:
        print(f"    SURPRISE {check['name']}: {check['found']}")
    done = (folder / "results/done").exists()
    if not done:
        print(f"    SURPRISE the suite did not come to its end: {folder / 'console'}")
    as_planned = len(checks) - len(surprises)
    print(f"{name}: {as_planned} as planned, {len(surprises)} surprises, {seconds} s")
    return 1 if surprises or not done else 0


if sys.argv[1] == "--boots":
    boots(sys.argv[2], sys.argv[3])
else:
    sys.exit(report(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
