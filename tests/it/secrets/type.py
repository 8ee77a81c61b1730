"""Runs a command at a terminal of its own and types keys once it asks.

    type.py KEYS COMMAND...

Prints what the terminal shows, then whether it echoes and the exit code.
"""

import os
import pty
import sys
import termios

keys, command = sys.argv[1], sys.argv[2:]
# The terminal stays open here, so that how it was left can be read.
process, ours = pty.fork()
if process == 0:
    os.execvp(command[0], command)
shown = b""
while b"(it is not shown): " not in shown:
    shown += os.read(ours, 4096)
while termios.tcgetattr(ours)[3] & termios.ECHO:
    pass
os.write(ours, keys.encode())
try:
    while part := os.read(ours, 4096):
        shown += part
        echo = termios.tcgetattr(ours)[3] & termios.ECHO
except OSError:
    # Linux tells so that nobody has the other end any more.
    pass
_, status = os.waitpid(process, 0)
sys.stdout.write(shown.decode().replace("\r\n", "\n"))
print(f"echo {'on' if echo else 'off'}, exit {os.waitstatus_to_exitcode(status)}")
