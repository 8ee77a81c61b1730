"""What benches print, in one form; and a file of it, which is not believed unseen.

Results are `{"brig-budgets": 1, "machine": {...}, "benches": {NAME: RESULT}}`, where a RESULT is
`{"samples": {MEASURE: {ROW: [ROUND, ...]}}, "missing": {ROW: WHY}, "failed": WHY or null}` and a
ROUND is a list of numbers that were taken in it, none below 0. A row that was left out of a round
has an empty list there.
"""

import math

VERSION = 1
# What a reader of a file gets through at once; the longest bench takes a tenth of it.
VALUES_MAX = 1_000_000


class Faulty(Exception):
    """What is wrong with a file, and where."""


def rows(told):
    """One value a round: `native`."""
    return {"start": single(told)}, {}


def component(told):
    # Each round has 100 calls, one after the other.
    calls = {name: pieces(row["samples"], 100) for name, row in told["call"].items()}
    starts = {name: row["samples"] for name, row in told["start"].items()}
    return {"start": single(starts), "call": calls}, told["missing"]


def images(told):
    return {"start": single(told["start_ms"])}, told["missing"]


def egress(told):
    samples = {}
    for name, measures in told["samples"].items():
        for measure, rounds in measures.items():
            listed = [one if isinstance(one, list) else [one] for one in rounds]
            samples.setdefault(measure, {})[name] = listed
    return samples, told["missing"]


def check(told):
    used = {name: [processor for processor, _ in taken] for name, taken in told.items()}
    return {"processor": single(used)}, {}


def series(told):
    """The form itself."""
    return told["samples"], told["missing"]


FORMS = {"rows": rows, "component": component, "images": images, "egress": egress,
         "check": check, "series": series}


def single(samples):
    return {name: [[value] for value in taken] for name, taken in samples.items()}


def pieces(taken, count):
    return [taken[at:at + count] for at in range(0, len(taken), count)]


def measured(form, told):
    """The result of a bench that printed this."""
    try:
        samples, missing = FORMS[form](told)
    except (KeyError, TypeError, AttributeError, ValueError) as wrong:
        raise Faulty(f"its JSON is not of the form {form!r}: {wrong!r}") from None
    return checked({"samples": samples, "missing": missing, "failed": None}, "its JSON")


def failed(why):
    return {"samples": {}, "missing": {}, "failed": why}


def checked(result, where):
    """The same result, or what is wrong with it."""
    if not isinstance(result, dict) or set(result) != {"samples", "missing", "failed"}:
        raise Faulty(f"{where}: it takes samples, missing and failed, and nothing else")
    if not (result["failed"] is None or isinstance(result["failed"], str)):
        raise Faulty(f"{where}: failed is null or a text")
    texts(result["missing"], f"{where}: missing")
    count = 0
    for measure, named in tables(result["samples"], f"{where}: samples"):
        for row, rounds in tables(named, f"{where}: {measure}"):
            count += numbers(rounds, f"{where}: {measure}: {row}")
    if count > VALUES_MAX:
        raise Faulty(f"{where}: {count} values, and at most {VALUES_MAX}")
    return result


def tables(table, where):
    if not isinstance(table, dict):
        raise Faulty(f"{where} is no table")
    return table.items()


def texts(table, where):
    if not all(isinstance(text, str) for _, text in tables(table, where)):
        raise Faulty(f"{where} holds something else than texts")


def numbers(rounds, where):
    """How many there are."""
    if not isinstance(rounds, list) or not all(isinstance(one, list) for one in rounds):
        raise Faulty(f"{where} is no list of rounds")
    for value in (value for one in rounds for value in one):
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value) or value < 0:
            raise Faulty(f"{where}: {value!r} is no number from 0 on")
    return sum(len(one) for one in rounds)


def loaded(told):
    """The benches of a file's JSON."""
    if not isinstance(told, dict) or told.get("brig-budgets") != VERSION:
        raise Faulty(f'it does not say "brig-budgets": {VERSION}')
    if set(told) != {"brig-budgets", "machine", "benches"}:
        raise Faulty("it takes brig-budgets, machine and benches, and nothing else")
    return {name: checked(result, name) for name, result in tables(told["benches"], "benches")}
