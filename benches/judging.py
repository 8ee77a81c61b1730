"""What samples say of a promise. *Absent here:* a clock, a file, a process and chance: the same
samples give the same findings, on every machine.

A promise compares medians. Each round of each row has one, since rows of one round were measured
beside each other, and the row has the median of those. How far the value may be off is told by
drawing rounds anew: 95 of 100 draws lie between `low` and `high`.
"""

import contextlib
import random
import statistics

KEPT, UNSURE, MISSED, NOT_MEASURED = "kept", "UNSURE", "MISSED", "NOT MEASURED"
DRAWS = 1000
# One round tells nothing of how far rounds differ.
ROUNDS_MIN = 2

# The rows of each kind of value, and what it is of their medians.
VALUES = {
    "median": ("of",),
    "difference": ("of", "beside"),
    "ratio": ("of", "beside"),
    # What two rows add to a third, as a ratio.
    "added-ratio": ("of", "beside", "from"),
}
BOUNDS = {
    "at-most": ("at most", lambda value, bound: value <= bound),
    "at-least": ("at least", lambda value, bound: value >= bound),
    "below": ("below", lambda value, bound: value < bound),
    "above": ("above", lambda value, bound: value > bound),
}


class Untold(Exception):
    """Why there is no value."""


def value_of(kind, medians):
    """Of the rows' medians, in the order of VALUES."""
    match kind:
        case "median":
            return medians[0]
        case "difference":
            return medians[0] - medians[1]
        case "ratio":
            over, under = medians
        case "added-ratio":
            over, under = medians[0] - medians[2], medians[1] - medians[2]
    if under <= 0:
        raise Untold("what it is compared with is 0 or less: more rounds may tell")
    return over / under


def drawn(rows, chance):
    """The medians of rounds that were drawn anew: the same of each row, where they have as many."""
    counts = {len(row) for row in rows}
    at = [chance.randrange(len(rows[0])) for _ in rows[0]]
    if len(counts) > 1:
        return [statistics.median(chance.choices(row, k=len(row))) for row in rows]
    return [statistics.median([row[index] for index in at]) for row in rows]


def spread(promise, rows):
    """Between which values 95 of 100 draws lie; no values where too many draws have none."""
    # Seeded by a text, it gives the same numbers in every release of Python 3.
    chance, values = random.Random(promise["name"]), []
    for _ in range(DRAWS):
        # Noise as large as what is measured leaves a draw without a value.
        with contextlib.suppress(Untold):
            values.append(value_of(promise["value"], drawn(rows, chance)))
    if len(values) < DRAWS * 0.975:
        return None, None
    values.sort()
    return values[int(len(values) * 0.025)], values[int(len(values) * 0.975) - 1]


def rounds_of(name, series, missing):
    """The median of each round of a row."""
    if name in missing:
        raise Untold(f"{name}: {missing[name]}")
    if name not in series:
        raise Untold(f"{name}: the bench has no such row")
    medians = [statistics.median(taken) for taken in series[name] if taken]
    if len(medians) < ROUNDS_MIN:
        raise Untold(f"{name}: it was measured in {len(medians)} of at least {ROUNDS_MIN} rounds")
    return medians


def verdict_of(holds, bound, value, low, high):
    if not holds(value, bound):
        return MISSED
    surely = low is not None and holds(low, bound) and holds(high, bound)
    return KEPT if surely else UNSURE


def finding(promise, measure, result):
    """What the results of a bench say of one measure of a promise."""
    words, holds = BOUNDS[promise["bound"][0]]
    bound = promise["bound"][1]
    found = {"promise": promise["name"], "measure": measure, "words": promise["words"],
             "unit": promise["unit"], "bound": f"{words} {number(bound)}", "where":
             promise["where"], "value": None, "low": None, "high": None, "why": None}
    try:
        if result is None:
            raise Untold("the bench was not run")
        if result["failed"]:
            raise Untold(result["failed"])
        series = result["samples"].get(measure, {})
        rows = [rounds_of(promise[row], series, result["missing"])
                for row in VALUES[promise["value"]]]
        value = value_of(promise["value"], [statistics.median(row) for row in rows])
        low, high = spread(promise, rows)
    except Untold as why:
        return {**found, "verdict": NOT_MEASURED, "why": str(why)}
    verdict = verdict_of(holds, bound, value, low, high)
    return {**found, "verdict": verdict, "value": value, "low": low, "high": high}


def number(value):
    """Three figures, or all before the point."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def line(found):
    """A finding as people read it."""
    unit = f" {found['unit']}" if found["unit"] else ""
    name = f"{found['promise']} ({found['measure']})"
    if found["verdict"] == NOT_MEASURED:
        return f"{NOT_MEASURED}: {name}: {found['why']}"
    known = found["low"] is not None
    between = f"{number(found['low'])} to {number(found['high'])}" if known else "no telling"
    told = (f"{found['verdict'] + ':':13} {name}: {number(found['value'])}{unit} ({between}),"
            f" {found['bound']}{unit}: {found['words']}")
    more = "; more rounds may tell whether it is kept"
    return told + (more if found["verdict"] == UNSURE else "")
