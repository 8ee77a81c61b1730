"""A million functions that do nothing."""
import sys


def number(value):
    """A number as WebAssembly writes it (LEB128)."""
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def vector(items):
    return number(len(items)) + b"".join(items)


def section(kind, content):
    return bytes([kind]) + number(len(content)) + content


def command(functions):
    """A module whose first function is `_start`; none takes or gives anything."""
    return b"".join([
        b"\0asm\1\0\0\0",
        section(1, vector([b"\x60\0\0"])),
        section(3, vector([b"\0"] * len(functions))),
        section(7, vector([b"\x06_start\0\0"])),
        section(10, vector([number(len(body)) + body for body in functions])),
    ])


NOTHING = b"\0\x0b"

with open(sys.argv[1], "wb") as out:
    out.write(command([NOTHING] * 1_000_000))
