"""What a run does, drawn from its seed alone: the same seed gives the same steps, however many are asked for."""
import random
from dataclasses import dataclass, field

MANAGERS = ["sanoid", "zfs-auto-snapshot", "zrepl", "by hand"]
STRATEGIES = ["quiesce", "memory, quiesce", "crash-consistent", "quiesce, crash-consistent",
              "memory, quiesce, crash-consistent"]
# What may happen to a guest between pre and post, by its state before pre; and just before pre.
CHANGES = {
    "running": ["destroy", "shutdown", "restart", "reset", "pause", "hot-plug", "rename", "twin"],
    "paused": ["destroy", "restart", "rename", "twin"],
    "shut off": ["start", "start", "rename", "twin"],
}
BEFORE = {"running": ["hot-plug", "twin", "foreign freeze"], "paused": ["twin"], "shut off": ["twin"]}

# Kind of fault, its weight, the phases in which it may strike.
FAULTS = {
    "kill pre": (4, ["pre"]),
    "kill post": (4, ["post"]),
    "kill recover": (2, ["post"]),
    "kill watchdog": (2, ["between"]),
    "kill watchdog and post": (2, ["post"]),
    "kill archive": (1, ["post"]),
    "kill manager": (2, ["between"]),
    "kill libvirtd": (3, ["pre", "between", "post"]),
    "stop QEMU": (3, ["pre", "between", "post"]),
    "stop libvirtd": (3, ["pre", "between", "post"]),
    "stop agent": (3, ["pre", "post"]),
    "full overlays": (3, ["pre", "between"]),
    "full state_dir": (2, ["pre", "between", "post"]),
    "slow disk": (2, ["pre"]),
    "hung pool": (2, ["pre", "between", "post"]),
    "zfs hangs": (2, ["pre", "post"]),
    "zfs fails": (2, ["pre", "post"]),
}
# A guest with an agent that is no good: options of `lab guest`.
AGENTS = {
    "slow agent": ("--hook-delay", "2"),
    "agent thaws early": ("--self-thaw", "0.02"),
    "agent lies": ("--self-thaw", "0"),
    "no agent": ("--no-agent",),
}


@dataclass
class Fault:
    kind: str
    phase: str
    delay: float  # seconds after the phase began
    duration: float
    guest: str
    room: int  # KiB
    verb: str  # of zfs

    def __str__(self):
        text = f"{self.kind} at {self.phase}+{self.delay:.2f}s"
        if self.kind in ("stop QEMU", "stop agent", "slow disk"):
            text += f" of {self.guest}"
        if self.kind.startswith(("stop", "hung", "kill libvirtd", "zfs hangs")):
            text += f" for {self.duration:.1f}s"
        if self.kind == "full overlays":
            text += f", {self.room} KiB left"
        if self.kind.startswith("zfs"):
            text += f" ({self.verb})"
        return text


@dataclass
class Step:
    number: int
    manager: str
    states: dict
    strategies: dict
    before: list = field(default_factory=list)  # (guest, hot-plug or twin)
    between: list = field(default_factory=list)  # (guest, change, before the snapshot?)
    pause: float = 0  # seconds between pre and the snapshot
    faults: list = field(default_factory=list)

    def __str__(self):
        guests = ", ".join(
            f"{name} {state}" + (f" [{self.strategies[name]}]" if state != "shut off" else "")
            for name, state in self.states.items())
        parts = [self.manager, guests]
        parts += [f"{change} {name} before pre" for name, change in self.before]
        parts += [f"{change} {name} {'before' if early else 'after'} the snapshot"
                  for name, change, early in self.between]
        parts += [str(fault) for fault in self.faults]
        return f"step {self.number}: " + "; ".join(parts)


class Plan:
    """An endless list of steps."""

    def __init__(self, seed, guests=4, with_sanoid=True):
        self.random = random.Random(f"stillpoint stress {seed}")
        self.odd = self.random.choice(list(AGENTS))
        self.names = ["plain", "pair", "odd", "qcow"][:guests]
        self.states = {name: "running" for name in self.names}
        self.number = 0
        self.with_sanoid = with_sanoid

    def __iter__(self):
        while True:
            yield self.step()

    def step(self):
        draw = self.random
        self.number += 1
        # Starting one takes seconds: most stay as they are.
        for name in self.names:
            if self.states[name] != "running" and draw.random() < 0.5:
                self.states[name] = "running"
        if draw.random() < 0.35:
            self.states[draw.choice(self.names)] = draw.choice(["shut off", "paused"])
        step = Step(
            self.number, draw.choice(MANAGERS), dict(self.states),
            {name: draw.choices(STRATEGIES, [6, 3, 2, 3, 1])[0] for name in self.names}, pause=draw.uniform(0, 0.6))
        is_sanoid = draw.random() < 0.12
        if is_sanoid and self.with_sanoid:
            step.manager = "real sanoid"
        if draw.random() < 0.22:
            name = draw.choice(self.names)
            step.before.append((name, draw.choice(BEFORE[self.states[name]])))
        changes = draw.sample(self.names, draw.choices([0, 1, 2], [5, 4, 1])[0])
        changes = [(name, draw.choice(CHANGES[self.states[name]]), draw.random() < 0.5) for name in changes]
        # One fault at a time tells more; two at once find more.
        faults = [self.fault() for _ in range(draw.choices([0, 1, 2], [2, 6, 2])[0])]
        if step.manager == "real sanoid":
            step.faults = [fault for fault in faults if fault.phase != "between"]
        else:
            step.between = changes
            step.faults = faults
        return step

    def fault(self):
        draw = self.random
        kind = draw.choices(list(FAULTS), [weight for weight, _ in FAULTS.values()])[0]
        phase = draw.choice(FAULTS[kind][1])
        return Fault(
            kind, phase, draw.uniform(0, {"pre": 0.9, "between": 0.2, "post": 0.45}[phase]), draw.uniform(0.5, 5),
            draw.choice(self.names), draw.choice([64, 512, 4096]), draw.choice(["list", "get", "set", "any"]))
