"""Which system calls a process makes while something is done, by strace(1)."""

import signal
import subprocess
import sys


def show_calls(pid, work):
    """Prints the calls of a process and its threads, most time first, to standard error."""
    command = ["strace", "-c", "-f", "-p", str(pid)]
    strace = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True)
    said = strace.stderr.readline()
    if "attached" not in said:
        sys.exit(f"strace: {said.strip()}")
    try:
        work()
    finally:
        strace.send_signal(signal.SIGINT)
        for told in strace.stderr:
            print(told, end="", file=sys.stderr)
        strace.wait()
