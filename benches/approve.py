"""Approves what a bench is about to start, as a machine does it, into a state of the bench's own.

A user's starts are approved too, so looking for the approval is part of what is measured.
"""

import subprocess
import sys


def approve(command, env):
    """Approves what `brig run` will start: the command and the variables are those of its start."""
    brig, run, *words = command
    assert run == "run"
    if "XDG_STATE_HOME" not in env:
        sys.exit("a bench approves nothing in its user's own state")
    # Without a terminal everything is printed, and nobody is asked.
    quiet = {"env": env, "stdin": subprocess.DEVNULL, "text": True, "start_new_session": True}
    shown = subprocess.run([brig, "approve", *words], capture_output=True, check=False, **quiet)
    lines = [line.split() for line in shown.stdout.splitlines()]
    digests = [words[1] for words in lines if words[:1] == ["digest"]]
    if not digests:
        sys.exit(f"{words}: {shown.stderr}")
    subprocess.run([brig, "approve", *words, "--digest", digests[-1]], check=True,
                   stdout=subprocess.DEVNULL, **quiet)
