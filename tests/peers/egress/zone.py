"""The names of the stand and where they lead, and a name service that tells it, or lies.

Addresses look public, as brig dials no others; they are this network namespace's own.
"""

import asyncio

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

ZONE = "stand.test"
SERVICE = ("127.0.0.53", 53)

# Local, and served where a name of FAMILIES or PLACES says so.
V4, V6 = "93.184.216.{}", "2606:2800:220::{}"
# Packets to it vanish.
VOID_4, VOID_6 = "93.184.217.{}", "2606:2800:221::{}"
# No route leads there.
APART_4, APART_6 = "93.184.218.{}", "2606:2800:222::{}"

# Each has every service, by the families that live.
FAMILIES = {
    "both": (V4.format(10), V6.format(10)),
    "v4": (V4.format(11), None),
    "v6": (None, V6.format(12)),
    "refused4": (V4.format(13), V6.format(13)),
    "refused6": (V4.format(14), V6.format(14)),
    "void4": (VOID_4.format(15), V6.format(15)),
    "void6": (V4.format(16), VOID_6.format(16)),
    "apart4": (APART_4.format(17), V6.format(17)),
    "apart6": (V4.format(18), APART_6.format(18)),
}
DEAD = {
    (name, family)
    for name in FAMILIES
    for family in (4, 6)
    if name.endswith(str(family)) and not name.startswith("v4") and not name.startswith("v6")
}
SERVED = [
    address
    for name, addresses in FAMILIES.items()
    for family, address in zip((4, 6), addresses)
    if address and (name, family) not in DEAD
]

# Peers that are no good, each with both families.
FAULTS = {
    name: (V4.format(30 + at), V6.format(30 + at))
    for at, name in enumerate(("down", "reset", "broken", "stall", "drip", "hangup", "plain"))
} | {"void": (VOID_4.format(40), VOID_6.format(40))}

# Names that are answered in a way of their own.
ODD = ("slow-name", "mute", "servfail", "refused", "absent", "empty", "forged", "garbage")
LIES = {
    "private": ("10.1.2.3", "fd00::1"),
    "loopback": ("127.0.0.1", "::1"),
    "metadata": ("169.254.169.254", "fd00:ec2::254"),
    "embedded": ("127.0.0.1", "::ffff:127.0.0.1"),
    "translated": ("0.0.0.0", "64:ff9b::7f00:1"),
}
# Served as the others are, for whoever may not come there.
METADATA = LIES["metadata"][0]
SLOW_SECONDS = 3

BOTH = FAMILIES["both"]
LED = FAMILIES | FAULTS | LIES | {"slow-name": BOTH, "alias": BOTH, "forged": BOTH}
# Names of peers that example servers ask for.
OTHERS = {"context7.com": BOTH}


def own_addresses():
    """All that the namespace has to have."""
    led = [*FAMILIES.values(), *FAULTS.values()]
    far = ("93.184.217.", "93.184.218.", "2606:2800:221:", "2606:2800:222:")
    return [METADATA, *(a for pair in led for a in pair if a and not a.startswith(far))]


class Flip:
    """Leads to this host every other time that it is asked for."""

    def __init__(self):
        self.count = 0

    def __call__(self, family):
        if family == 6:
            return []
        self.count += 1
        return [(BOTH, LIES["loopback"])[self.count % 2 == 0][0]]


FLIP = Flip()


def led_to(name, family):
    """The addresses of a name; None where there is no such name."""
    name = name.lower().rstrip(".")
    if name in OTHERS:
        pair = OTHERS[name]
    elif name.endswith(f".wild.{ZONE}"):
        pair = BOTH
    elif name == f"mixed.{ZONE}":
        # What may be dialled stands last.
        return [LIES["private"][family == 6], BOTH[family == 6]]
    elif name == f"large.{ZONE}":
        # More than one datagram holds, and one of them lives.
        apart = (APART_4, APART_6)[family == 6]
        return [*(apart.format(at) for at in range(20, 60)), BOTH[family == 6]]
    elif name.endswith(f".{ZONE}") and name.removesuffix(f".{ZONE}") in LED:
        pair = LED[name.removesuffix(f".{ZONE}")]
    elif name == f"flip.{ZONE}":
        return FLIP(family)
    elif name == f"empty.{ZONE}":
        return []
    else:
        return None
    return [pair[family == 6]] if pair[family == 6] else []


def reply(query, datagram):
    """What a query is answered with, as bytes; None for nothing."""
    question = query.question[0]
    name = question.name.to_text()
    short = name.removesuffix(f".{ZONE}.")
    answer = dns.message.make_response(query, recursion_available=True)
    if short == "mute":
        return None
    if short == "garbage":
        return b"\xff" * 40
    if short in ("servfail", "refused"):
        answer.set_rcode(dns.rcode.from_text(short))
        return answer.to_wire()
    family = {dns.rdatatype.A: 4, dns.rdatatype.AAAA: 6}.get(question.rdtype)
    addresses = led_to(name, family or 4)
    if addresses is None:
        answer.set_rcode(dns.rcode.NXDOMAIN)
    elif family and addresses:
        owner = question.name
        if short == "alias":
            target = f"both.{ZONE}."
            answer.answer.append(dns.rrset.from_text(owner, 60, "IN", "CNAME", target))
            owner = dns.name.from_text(target)
        answer.answer.append(dns.rrset.from_text(owner, 60, "IN", question.rdtype, *addresses))
    if short == "forged":
        answer.id ^= 1
    whole = answer.to_wire()
    if datagram and len(whole) > 512:
        answer.answer.clear()
        answer.flags |= dns.flags.TC
        return answer.to_wire()
    return whole


async def tell(data, datagram, send):
    try:
        query = dns.message.from_wire(data)
    except dns.exception.DNSException:
        return
    if query.question and query.question[0].name.to_text().startswith("slow-name."):
        await asyncio.sleep(SLOW_SECONDS)
    told = reply(query, datagram)
    if told is not None:
        send(told)


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self):
        self.tasks = set()

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        send = lambda told: self.transport.sendto(told, address)
        task = asyncio.ensure_future(tell(data, True, send))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


async def stream(reader, writer):
    try:
        while True:
            size = int.from_bytes(await reader.readexactly(2), "big")
            send = lambda told: writer.write(len(told).to_bytes(2, "big") + told)
            await tell(await reader.readexactly(size), False, send)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def serve():
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(Datagrams, local_addr=SERVICE)
    await asyncio.start_server(stream, *SERVICE)
