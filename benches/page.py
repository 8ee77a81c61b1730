#!/usr/bin/python3
"""Looks at the page of `brig bench report --html` in Chromium, as people see it.

    cargo build --workspace
    benches/page.py [--brig PROGRAM] [--records] [--only FORM] FOLDER [RECORD...]

Without records it makes some: five servers, twenty ways to run each, all measures, with ways that
failed or are not here, long names, prices of walls and stages of starts. The page of all of them and
the page of the first alone are opened on a phone (390 pixels wide) and on a desk (1280), light and
dark. In each form: nothing is wider than the window but what scrolls by itself, each plot has a size,
text has a contrast of 4.5 at least (WCAG 2.2, 1.4.3) and marks one of 3 (1.4.11), no two labels of a
plot overlap, nothing is told on the console, and nothing is loaded. FOLDER gets the records, the
pages and a picture of each form. `--records` makes the records and stops. Prints what breaks a rule,
and exits with 1 where something does.
"""

import argparse
import base64
import json
import math
import os
import random
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CHROMIUM = "/usr/bin/chromium"
ROUNDS, CALLS = 20, 100
PICTURE = 1600  # pixels
FORMS = [(f"{width}-{scheme}", width, scheme) for width in (390, 1280)
         for scheme in ("light", "dark")]

# Of each way: milliseconds of a start that it adds, cold and warm; microseconds of a call; KiB; and
# the shares of a folder's and of a connection's throughput that are left. None is not here.
WAYS = {
    "bare": (0, 0, 0, 0, 1, 1),
    "bare again": (0, 0, 0, 0, 1, 1),
    "bubblewrap": (4, 2.6, 0.5, 900, 1, None),
    "firejail": (62, 48, 0.6, 2300, 1, None),
    "nsjail": (9, 6.1, 0.4, 1800, 1, None),
    "systemd-run": (41, 29, 0.5, 200, 1, 1),
    "srt": (330, 280, 26, 61000, 0.98, 0.21),
    "socat relay": (3, 1.9, 27, 2900, None, None),
    "brig native": (11, 7.2, 24, 8900, 0.99, 0.78),
    "brig native, narrow cell": (9, 5.6, 24, 8100, 0.99, None),
    "brig component": (410, -140, 9, -76000, 0.71, 0.62),
    "brig component, narrow cell": (402, -141, 9, -77000, 0.71, None),
    "embedding": (390, -148, 4, -80000, 0.8, None),
    "brig image": (320, 11, 25, 9800, 0.97, 0.77),
    "brig crun": (38, 24, 26, 10400, 0.97, 0.74),
    "brig runc": (49, 33, 27, 11900, 0.96, 0.74),
    "brig runsc": (560, 390, 160, 99000, 0.31, None),
    "brig docker": (260, 214, 31, 31000, 0.96, 0.7),
    "docker plain": (251, 205, 219, 28800, 0.96, 0.88),
    "docker hardened": (255, 209, 221, 28900, 0.95, 0.87),
    "hyper-mcp of the plugin’s own image, with a name that somebody chose to be very long indeed":
        (95, 19, 210, 47000, None, None),
    "podman plain": None,
}
WALLS = {"user namespace": 0.7, "mount namespace": 1.4, "pid namespace": 0.3,
         "network namespace": 0.9, "control group": 0.6, "landlock": 0.05, "seccomp": 0.4,
         "limits of resources": 0.02, "capabilities": 0.02}
STAGES = [("decide", "brig", 1.1), ("warden", "brig", 0.8), ("namespaces", "brig", 1.9),
          ("root of mounts", "brig", 1.3), ("init and its walls", "brig", 1.2),
          ("read back", "brig", 0.4), ("confine the bridge", "brig", 0.5)]
# Title, and a bare start, a call, memory.
SERVERS = [("server-everything 2026.7.4 (Node)", 174, 310, 104000), ("git (Python)", 410, 890, 61000),
           ("echo (C)", 1.4, 21, 900), ("notes (Rust)", 2.1, 33, 2100),
           ("fetch (Python, over the network)", 520, 1900, 78000)]


def scattered(dice, middle, share=0.02):
    """As a machine scatters: skewed, with another state now and then."""
    value = middle * (1 + share * (dice.lognormvariate(0, 0.6) - 1))
    return round(value * (1.35 if dice.random() < 0.02 else 1), 4)


def series(dice, measure, middle, each=1, share=0.02):
    drift = [1 + 0.01 * math.sin(at / 3) for at in range(ROUNDS)]
    rounds = [[scattered(dice, middle * part, share) for _ in range(each)] for part in drift]
    return {"measure": measure, "rounds": rounds, "failed": None}


def measured(dice, way, server):
    _, start, call, memory = server
    cold, warm, added, kib, disk, egress = way
    # A component is another program than the one beside it, and starts on its own.
    warm_start = start + warm if start + warm > 3 else 7.9 + max(0, 8 - abs(warm) / 20)
    trip = call + added
    found = [series(dice, "start-cold", max(start * 1.9 + cold, 9), share=0.05),
             series(dice, "start-warm", warm_start),
             series(dice, "call", trip, CALLS, 0.12),
             series(dice, "pipelined", 1.6e6 / trip),
             series(dice, "processor", trip * 0.7, share=0.04),
             series(dice, "memory", max(memory + kib, 9800), share=0.004),
             series(dice, "density", max(memory * 0.62 + kib, 6100), share=0.004)]
    if disk:
        found.append(series(dice, "disk", 1900 * disk, share=0.05))
    if egress:
        found.append(series(dice, "egress", 22 * egress, share=0.04))
    return found


def row(name, role, found, stages=(), absent=None, version=None):
    return {"name": name, "role": role, "version": version, "absent": absent, "series": found,
            "stages": list(stages)}


def record(at, server):
    dice = random.Random(at)
    rows = []
    for name, way in WAYS.items():
        if way is None:
            rows.append(row(name, {"is": "subject"}, [], absent="no podman is installed here"))
            continue
        role = {"is": "again", "of": "bare"} if name == "bare again" else {"is": "subject"}
        stages = []
        if name.startswith("brig ") and name.split()[1].rstrip(",") in ("native", "image"):
            stages = [{"name": stage, "whose": whose, "ms": [scattered(dice, ms, 0.1)
                       for _ in range(ROUNDS)]} for stage, whose, ms in STAGES]
            stages.append({"name": "the server itself", "whose": "program",
                           "ms": [scattered(dice, server[1]) for _ in range(ROUNDS)]})
        rows.append(row(name, role, measured(dice, way, server), stages))
    failed = {"round": 3, "why": "it lost 61 of 5000 answers that were asked for without waiting"}
    lost = next(one for one in rows if one["name"].startswith("hyper-mcp"))["series"]
    lost[3] = {"measure": "pipelined", "rounds": lost[3]["rounds"][:2], "failed": failed}
    slow = next(one for one in rows if one["name"] == "firejail")["series"]
    slow[1] = {"measure": "start-warm", "rounds": slow[1]["rounds"][:7],
               "failed": {"round": 8, "why": "it ended with status 1 before a reply: cannot mount "
                                             "/proc: operation not permitted"}}
    rows += walls(dice, server)
    return {"brig-bench": 1, "title": server[0], "brig": "0.1.0", "taken": 1796000000 + at * 3600,
            "command": ["brig", "bench", "--unconfined", "--walls", "--samples", f"{at}.json",
                        "native.toml", "component.toml", "image.toml"],
            "rounds": ROUNDS, "warm-up": 2, "baseline": "bare", "rows": rows,
            "machine": {"processor": "Model of some maker @ 2.70GHz", "processors": 2,
                        "memory-kib": 8151040, "kernel": "6.18.44",
                        "system": "Debian GNU/Linux 12 (bookworm)",
                        "load-before": [0.11, 0.2, 0.31], "load-after": [1.92, 1.4, 0.83],
                        "notes": ["the processor’s frequency is not fixed",
                                  "it is a virtual machine, whose host may be busy"]}}


def walls(dice, server):
    rows, before, so_far = [], "bare", server[1]
    for at, (wall, ms) in enumerate(WALLS.items()):
        so_far += ms
        name = f"with {wall}"
        role = {"is": "added", "wall": wall, "after": before}
        rows.append(row(name, role, [series(dice, "start-warm", so_far, share=0.004)]))
        before = name
        role = {"is": "left-out", "wall": wall, "from": "brig native"}
        found = series(dice, "start-warm", server[1] + 7.2 - ms * 0.8, share=0.004)
        if at == 6:
            found["rounds"] = []
            found["failed"] = {"round": 0, "why": "init will not start a server without it"}
        rows.append(row(f"without {wall}", role, [found]))
    return rows


class Browser:
    """Chromium, spoken to over its pipe (`--remote-debugging-pipe`)."""

    def __init__(self, profile):
        to, self.to = os.pipe()
        self.back, back = os.pipe()

        def as_it_wants():
            # Either may be where the other is to go.
            one, other = os.dup(to), os.dup(back)
            os.dup2(one, 3)
            os.dup2(other, 4)
        words = [CHROMIUM, "--headless=new", "--disable-gpu", "--remote-debugging-pipe",
                 "--hide-scrollbars", f"--user-data-dir={profile}"]
        if os.geteuid() == 0:
            words.append("--no-sandbox")
        self.process = subprocess.Popen(words, preexec_fn=as_it_wants, close_fds=False,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to)
        os.close(back)
        self.read, self.count, self.events = b"", 0, []

    def message(self):
        while b"\0" not in self.read:
            more = os.read(self.back, 1 << 20)
            if not more:
                sys.exit("Chromium ended")
            self.read += more
        one, self.read = self.read.split(b"\0", 1)
        return json.loads(one)

    def ask(self, method, session=None, **params):
        self.count += 1
        asked = {"id": self.count, "method": method, "params": params}
        if session:
            asked["sessionId"] = session
        os.write(self.to, json.dumps(asked).encode() + b"\0")
        while True:
            found = self.message()
            if found.get("id") == self.count:
                if "error" in found:
                    sys.exit(f"{method}: {found['error']}")
                return found["result"]
            self.events.append(found)

    def wait(self, method):
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self.message())

    def end(self):
        self.ask("Browser.close")
        self.process.wait()


# What a window finds of itself.
LOOK = r"""
(() => {
  const told = [];
  const short = element => {
    const text = (element.textContent || '').trim().slice(0, 40);
    return `${element.tagName}.${element.getAttribute('class') || ''} "${text}"`;
  };
  const wide = document.documentElement.scrollWidth;
  if (wide > innerWidth) told.push(`the page is ${wide} wide, of ${innerWidth}`);
  for (const element of document.querySelectorAll('main *')) {
    if (element.closest('.scroll') && !element.matches('.scroll')) continue;
    const box = element.getBoundingClientRect();
    if (box.width && (box.right > innerWidth + 0.5 || box.left < -0.5))
      told.push(`outside of the window: ${short(element)}`);
  }
  for (const cell of document.querySelectorAll('.glance, .glance th, .glance td')) {
    const room = cell.matches('table') ? cell.parentElement.clientWidth : cell.clientWidth;
    if (cell.scrollWidth > room + 1) told.push(`cut off: ${short(cell)}`);
  }
  const colour = text => {
    const parts = text.match(/[\d.]+/g).map(Number);
    return { rgb: parts.slice(0, 3), alpha: parts.length > 3 ? parts[3] : 1 };
  };
  const over = (top, below, alpha) => top.map((part, at) => part * alpha + below[at] * (1 - alpha));
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const found = colour(getComputedStyle(at).backgroundColor);
      if (found.alpha > 0) return found.rgb;
    }
    return [255, 255, 255];
  };
  const light = rgb => {
    const [r, g, b] = rgb.map(part => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, other) => {
    const [high, low] = [light(one), light(other)].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
  };
  const opacity = element => {
    let all = 1;
    for (let at = element; at; at = at.parentElement) all *= getComputedStyle(at).opacity;
    return all;
  };
  const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const least = {};
  while (words.nextNode()) {
    const element = words.currentNode.parentElement;
    if (!words.currentNode.textContent.trim() || !element.getClientRects().length) continue;
    if (element.matches('title')) continue;
    const style = getComputedStyle(element);
    const ink = colour(element.namespaceURI.endsWith('svg') ? style.fill : style.color);
    const drawn = element.matches('text.on') && element.previousElementSibling;
    const page = drawn ? colour(getComputedStyle(drawn).fill).rgb : behind(element);
    const found = contrast(over(ink.rgb, page, ink.alpha * opacity(element)), page);
    if (found < 4.5) told.push(`contrast ${found.toFixed(2)}: ${short(element)}`);
    if (parseFloat(style.fontSize) < 11) told.push(`${style.fontSize} text: ${short(element)}`);
  }
  const marks = 'svg .dot, svg .bar, svg .whisker, svg .stage, svg .bin, svg .tick';
  for (const mark of document.querySelectorAll(marks)) {
    const style = getComputedStyle(mark);
    const page = behind(mark.ownerSVGElement);
    const inks = [[style.fill, style.fillOpacity], [style.stroke, style.strokeOpacity]];
    const seen = inks.filter(([ink]) => ink !== 'none').map(([ink, share]) => {
      const found = colour(ink);
      return contrast(over(found.rgb, page, found.alpha * share), page);
    });
    if (Math.max(...seen) < 3) {
      const name = mark.getAttribute('class');
      least[name] = Math.min(least[name] || 9, Math.max(...seen));
    }
  }
  for (const name in least) told.push(`contrast of marks ${least[name].toFixed(2)}: ${name}`);
  const plots = [...document.querySelectorAll('.plot')];
  if (!plots.length) told.push('no plot');
  for (const plot of plots) {
    for (const svg of plot.querySelectorAll('.lane > svg')) {
      const box = svg.getBoundingClientRect();
      if (box.width < 100 || box.height < 10 || !svg.childElementCount)
        told.push(`a plot of ${box.width} x ${box.height}: ${short(plot)}`);
    }
    const labels = [...plot.querySelectorAll('.name, .value, .beside, .why, text')];
    const seen = labels.filter(it => it.textContent.trim() && it.getClientRects().length);
    const boxes = seen.map(label => {
      const range = document.createRange();
      range.selectNodeContents(label);
      const text = range.getBoundingClientRect();
      const box = label.matches('text') ? text : label.getBoundingClientRect();
      const bottom = Math.min(text.bottom, box.bottom);
      return [label, { left: text.left, right: text.right, top: text.top, bottom }];
    });
    boxes.forEach(([label, one], at) => {
      for (const [next, other] of boxes.slice(at + 1)) {
        const across = Math.min(one.right, other.right) - Math.max(one.left, other.left);
        const down = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
        if (across > 0.5 && down > 1) told.push(`${short(label)} overlaps ${short(next)}`);
      }
    });
  }
  return told;
})()
"""


def pictures(ask, name, width):
    """Of the whole page, each as long as can be looked at."""
    height = ask("Page.getLayoutMetrics")["cssContentSize"]["height"]
    for at, top in enumerate(range(0, height, PICTURE)):
        clip = {"x": 0, "y": top, "width": width, "height": min(PICTURE, height - top), "scale": 1}
        shot = ask("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        with open(f"{name}-{at + 1:02}.png", "wb") as file:
            file.write(base64.b64decode(shot["data"]))


def looked_at(browser, page, folder, form):
    """What breaks a rule in one form; its picture goes into the folder."""
    name, width, scheme = form
    target = browser.ask("Target.createTarget", url="about:blank")["targetId"]
    session = browser.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def ask(method, **params):
        return browser.ask(method, session, **params)
    for part in ("Page", "Network", "Log", "Runtime"):
        ask(f"{part}.enable")
    ask("Emulation.setDeviceMetricsOverride", width=width, height=900,
        deviceScaleFactor=1, mobile=width < 600)
    ask("Emulation.setEmulatedMedia",
        features=[{"name": "prefers-color-scheme", "value": scheme}])
    browser.events.clear()
    ask("Page.navigate", url=f"file://{page}")
    browser.wait("Page.loadEventFired")
    told = []
    for is_open in (False, True):
        opened = "for (const it of document.querySelectorAll('details')) it.open = "
        ask("Runtime.evaluate", expression=opened + json.dumps(is_open))
        found = ask("Runtime.evaluate", expression=LOOK, returnByValue=True)
        if "exceptionDetails" in found:
            sys.exit(f"{found['exceptionDetails']}")
        told += found["result"]["value"]
        picture = os.path.splitext(page)[0] + f"-{name}{'-open' if is_open else ''}"
        pictures(ask, picture, width)
    for event in browser.events:
        method, params = event.get("method"), event.get("params", {})
        if method == "Network.requestWillBeSent" and params["request"]["url"] != f"file://{page}":
            told.append(f"loads {params['request']['url']}")
        if method == "Log.entryAdded":
            told.append(f"console: {params['entry']['text']}")
        if method in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
            told.append(f"console: {params}")
    browser.ask("Target.closeTarget", targetId=target)
    return list(dict.fromkeys(told))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--brig", default=os.path.join(HERE, "target/debug/brig"))
    parser.add_argument("--records", action="store_true")
    parser.add_argument("--only", default="", help="forms whose name contains this: one-390-dark")
    parser.add_argument("folder")
    parser.add_argument("records_given", nargs="*", metavar="record")
    given = parser.parse_args()
    folder = os.path.abspath(given.folder)
    os.makedirs(folder, exist_ok=True)
    records = given.records_given
    if not records:
        for at, server in enumerate(SERVERS):
            records.append(os.path.join(folder, f"{at}.json"))
            with open(records[-1], "w", encoding="utf-8") as file:
                json.dump(record(at, server), file)
    if given.records:
        return 0
    breaks = 0
    with tempfile.TemporaryDirectory() as profile:
        browser = Browser(profile)
        for name, of in {"one": records[:1], "all": records}.items():
            page = os.path.join(folder, f"{name}.html")
            words = [given.brig, "bench", "report", "--html", page, *of]
            text = subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout
            with open(os.path.join(folder, f"{name}.txt"), "wb") as file:
                file.write(text)
            for form in FORMS:
                if given.only not in f"{name}-{form[0]}":
                    continue
                told = looked_at(browser, page, folder, form)
                breaks += len(told)
                print(f"{name} {form[0]}: {len(told)} breaches")
                for one in told[:40]:
                    print(f"  {one}")
        browser.end()
    return 1 if breaks else 0


if __name__ == "__main__":
    sys.exit(main())
