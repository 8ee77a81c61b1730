"""Runs a program whose calls for a seccomp filter fail as on a kernel without any: by a filter."""

import ctypes
import os
import struct
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
PRCTL, SECCOMP = 157, 317
LOAD, IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, EINVAL = 0x7FFF0000, 0x00050016

# Words of classic BPF: code, jumps where it is true and where not, value. The data are struct
# seccomp_data: the call at 0, its first argument at 16.
PROGRAM = [
    (LOAD, 0, 0, 0),
    (IF_EQUAL, 4, 0, SECCOMP),
    (IF_EQUAL, 0, 2, PRCTL),
    (LOAD, 0, 0, 16),
    (IF_EQUAL, 1, 0, PR_SET_SECCOMP),
    (RETURN, 0, 0, ALLOW),
    (RETURN, 0, 0, EINVAL),
]

libc = ctypes.CDLL(None, use_errno=True)
words = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *word) for word in PROGRAM))
program = ctypes.create_string_buffer(struct.pack("HL", len(PROGRAM), ctypes.addressof(words)))
for arguments in [(PR_SET_NO_NEW_PRIVS, 1, 0), (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program)]:
    if libc.prctl(*arguments, 0, 0) != 0:
        sys.exit(os.strerror(ctypes.get_errno()))
os.execvp(sys.argv[1], sys.argv[1:])
