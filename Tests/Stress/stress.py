#!/usr/bin/python3
"""A seeded random run of the hooks against real guests, inside `Tests/Lab/lab run`; README.md says how to replay one."""
import argparse
import collections
import os
import shlex
import signal
import sys
import threading
import time

from checker import Checker
from commands import CRASHED, TIMED_OUT, Manager, processes, run, send, wait_until
from faults import Faults, zfs_wrapper
from guests import Guest, Lab
from plan import AGENTS, FAULTS, Plan

FREEZE_LIMIT, AGENT_TIMEOUT, MAX_HOLD = 5, 4, 25
HOOK_LIMIT = 150  # seconds after which a hook counts as hanging
SETTLE_LIMIT = 90


class Stress:
    def __init__(self, options):
        self.options = options
        self.began = time.monotonic()
        self.plan = Plan(options.seed, options.guests, not options.no_sanoid)
        self.lab = Lab(options.binaries, "stress")
        self.steps = 0
        self.executed = 0
        self.faults = collections.Counter()
        self.claims = collections.Counter()
        self.changes = collections.Counter()
        self.managers = collections.Counter()
        self.violations = []
        self.files = collections.defaultdict(list)
        self.slowest = 0.0

    # MARK: the stage

    def prepare(self):
        self.lab.prepare()
        self.guests = [
            Guest(self.lab, "plain"), Guest(self.lab, "pair", disks=2),
            Guest(self.lab, "odd", options=AGENTS[self.plan.odd], kind=self.plan.odd),
            Guest(self.lab, "qcow", form="qcow2")][:self.options.guests]
        self.lab.make(self.guests)
        self.by_name = {guest.name: guest for guest in self.guests}
        # Slack for a machine that is busy: what is searched for are guests that stay frozen.
        self.checker = Checker(self.lab, self.guests, FREEZE_LIMIT + AGENT_TIMEOUT + 6)
        self.environment = zfs_wrapper(self.lab)
        self.log = f"{self.lab.work}/log"

    def set_up_again(self):
        """After a violation, so that the next step tells something new."""
        for guest in self.guests:
            guest.remove()
        for name in os.listdir(self.lab.overlays):
            os.remove(f"{self.lab.overlays}/{name}")
        for name in self.lab.runs():
            os.remove(f"{self.lab.state}/runs/{name}")
        for number, _ in processes(self.lab.binaries):
            send(number, signal.SIGKILL)
        for name in run("zfs", "list", "-H", "-o", "name", "-r", self.lab.pool).text.split():
            if "/look" in name:
                self.lab.destroy(name)
        for guest in self.guests:
            guest.make()
        for guest in self.guests:
            if not guest.wait(120):
                raise RuntimeError(f"{guest.name} does not start any more")

    def configure(self, step):
        lines = [
            "[stillpoint]", f"overlay_dir = {self.lab.overlays}", f"ram_dir = {self.lab.overlays}",
            f"cold_storage = {self.lab.cold}", f"max_hold = {MAX_HOLD}", f"freeze_limit = {FREEZE_LIMIT}",
            f"agent_timeout = {AGENT_TIMEOUT}",
            f"freeze_timeout = {AGENT_TIMEOUT}", "commit_timeout = 40"]
        for name, strategy in step.strategies.items():
            lines += [f"[vm {name}*]", f"strategy = {strategy}"]
        with open("/etc/stillpoint/stillpoint.conf", "w") as file:
            file.write("\n".join(lines) + "\n")
        with open("/etc/sanoid/sanoid.conf", "w") as file:
            file.write(f"""[{self.lab.dataset}]
use_template = hooked
[template_hooked]
daily = 1
hourly = 0
monthly = 0
autosnap = yes
autoprune = no
pre_snapshot_script = {self.lab.tool('pre-snapshot')}
post_snapshot_script = {self.lab.tool('post-snapshot')}
script_timeout = 60
""")

    # MARK: one step

    def calls(self, manager, name):
        dataset, pre, post = self.lab.dataset, self.lab.tool("pre-snapshot"), self.lab.tool("post-snapshot")
        match manager:
            case "sanoid":
                common = f"env SANOID_TARGET={dataset} SANOID_TARGETS={dataset}"
                return (f"{common} SANOID_SNAPNAME={name} SANOID_SNAPNAMES={name} SANOID_SCRIPT=pre {pre}",
                        f"{common} SANOID_SNAPNAME={name} SANOID_SNAPNAMES={name} SANOID_SCRIPT=post {post}")
            case "zrepl":
                common = f"env ZREPL_FS={dataset} ZREPL_SNAPNAME={name} ZREPL_TIMEOUT=60 ZREPL_DRYRUN="
                return f"{common} ZREPL_HOOKTYPE=pre_snapshot {pre}", f"{common} ZREPL_HOOKTYPE=post_snapshot {post}"
            case "zfs-auto-snapshot":
                return f"{pre} {dataset} {name}", f"{post} {dataset} {name}"
            case _:
                return f"{pre} {dataset}@{name}", f"{post} {dataset}@{name}"

    def execute(self, step):
        self.configure(step)
        wrong = []
        for guest in self.guests:
            if not guest.set_state(step.states[guest.name]):
                return [f"cannot begin: {guest.name} is {guest.state()}, should be {step.states[guest.name]}"], ""
        for guest in self.guests:
            if step.states[guest.name] == "running" and not guest.is_writing(20):
                return [f"cannot begin: {guest.name} writes nothing"], ""
            guest.definition = guest.inactive()
        known = set(self.lab.snapshots())
        faults = Faults(self.lab, self.guests, step.faults)
        self.undo, self.foreign, self.expected = [], [], dict(step.states)
        for name, change in step.before:
            self.change(self.by_name[name], change, step)
        durable = self.checker.durable()
        began = time.monotonic()
        log_from = os.path.getsize(self.log) if os.path.exists(self.log) else 0
        try:
            if step.manager == "real sanoid":
                pre, post = self.real_sanoid(faults), "-"
            else:
                pre, post = self.cycle(step, faults, wrong)
        finally:
            faults.heal()
        for kind in faults.struck:
            self.faults[kind] += 1
        if TIMED_OUT in (pre, post):
            wrong.append(f"a hook hangs: pre {pre}, post {post}, after {HOOK_LIMIT} s")
        self.check_exits(step, faults, pre, post, wrong)
        if any(fault.kind == "kill recover" for fault in step.faults):
            # Killed once on its way, before the one that must end everything.
            fault = next(fault for fault in step.faults if fault.kind == "kill recover")
            run("timeout", "-s", "KILL", f"{0.05 + fault.delay:.2f}", self.lab.tool("stillpoint"), "recover")
        # What somebody changed may have to be set right before Stillpoint can end everything.
        self.lab.stillpoint("recover", limit=60, env=self.environment)
        for guest in self.foreign:
            untouched = guest.name not in [name for name, _, _ in step.between]
            if untouched and guest.fsfreeze_status() == "thawed":
                wrong.append(f"{guest.name}: somebody else's freeze was thawed")
        for undo in reversed(self.undo):
            undo()
        wrong += self.checker.settle(SETTLE_LIMIT)
        archived = self.lab.stillpoint("archive", limit=60)
        if not archived.ok:
            wrong.append(f"archive: exit status {archived.status}: {archived.last}")
        wrong += self.checker.nothing_left(self.expected)
        wrong += self.checker.freezes(began, faults.allowance(), self.foreign)
        wrong += self.checker.records_on_disks()
        said = []
        for snapshot in [name for name in self.lab.snapshots() if name not in known]:
            found, claims = self.checker.claims(snapshot, durable)
            wrong += found
            said.append(claims)
            for claim in claims.split(","):
                self.claims[claim.partition("=")[2] or "none"] += 1
        wrong += self.prune(known)
        self.count_files()
        if wrong:
            with open(self.log, errors="replace") as file:
                file.seek(log_from)
                wrong.append("said: " + file.read()[-3000:].replace("\n", "\n      "))
        return wrong, f"pre {pre} post {post} struck {faults.struck or '-'}; {' | '.join(said) or 'no snapshot'}"

    def cycle(self, step, faults, wrong):
        # zfs-auto-snapshot's names end in a time.
        name = f"s{step.number}" + ("-2026-11-29-0117" if step.manager == "zfs-auto-snapshot" else "")
        pre_call, post_call = self.calls(step.manager, name)
        comm = {"by hand": "", "zfs-auto-snapshot": "zfs-auto-snapsh"}.get(step.manager, step.manager)
        manager = Manager(comm, self.log, self.environment)
        faults.manager = manager
        post = "-"
        try:
            faults.begin("pre")
            pre = manager.call(pre_call, HOOK_LIMIT)
            faults.end_phase()
            if pre not in (0, 3, 137, None, TIMED_OUT):
                left = os.listdir(self.lab.overlays)
                if [entry for entry in left if entry != "filler"]:
                    wrong.append(f"pre failed ({pre}) and left {left}")
            for guest, change, early in step.between:
                if early:
                    self.change(self.by_name[guest], change, step)
            faults.over.clear()
            faults.begin("between")
            time.sleep(step.pause)
            # sanoid and zrepl take it all the same; the others continue only after a pre that finished.
            if pre == 0 or step.manager in ("sanoid", "zrepl"):
                taken = run("zfs", "snapshot", f"{self.lab.dataset}@{name}", limit=60)
                if not taken.ok:
                    wrong.append(f"zfs snapshot: {taken.last}")
            for guest, change, early in step.between:
                if not early:
                    self.change(self.by_name[guest], change, step)
            if pre == 0 and not manager.process.poll():
                faults.begin("post")
                post = manager.call(post_call, HOOK_LIMIT)
            faults.end_phase()
            return pre, post
        finally:
            manager.close()

    def real_sanoid(self, faults):
        for snapshot in self.lab.snapshots():
            if "@autosnap" in snapshot:
                self.lab.destroy(snapshot)
        run("bash", "-c", "rm -rf /var/cache/sanoid/* /var/run/sanoid/*")
        faults.begin("pre")
        faults.begin("post")
        with open(self.log, "a") as file:
            said = run("sanoid", "--take-snapshots", "--force-update", limit=HOOK_LIMIT, env=self.environment)
            file.write(said.text)
        return said.status

    def check_exits(self, step, faults, pre, post, wrong):
        """Exit 0 is a promise; where nothing was done to it, anything else is a lie the other way round."""
        if {pre, post} & CRASHED:
            wrong.append(f"a hook crashed: pre {pre}, post {post}")
        if post == 0 and step.manager in ("by hand", "zfs-auto-snapshot") and [
                name for name in self.lab.runs() if name.endswith(".json")]:
            wrong.append(f"post says 0, and a run is open: {self.lab.runs()}")
        if not step.faults and not step.between and not step.before:
            if pre != 0 or post not in (0, "-"):
                wrong.append(f"nothing was wrong, and pre says {pre}, post {post}")

    def count_files(self):
        """What libvirtd has open after each step, by its process number: restarted ones begin again."""
        number = self.lab.process("libvirtd")
        try:
            self.files[number].append(len(os.listdir(f"/proc/{number}/fd")))
        except OSError:
            pass

    def growth(self):
        """Connections that nobody closes would add to them with every step."""
        return [
            f"libvirtd {number}: {counts[2]} files open, {counts[-1]} after {len(counts)} steps"
            for number, counts in self.files.items() if len(counts) >= 10 and min(counts[-3:]) > counts[2] + 8]

    def prune(self, known):
        """The last two snapshots stay, and the RAM dumps of those alone."""
        wrong = []
        mine = sorted(self.lab.snapshots(), key=lambda name: (name in known and -1 or 1, name))
        for snapshot in [name for name in mine if name in known]:
            if not self.lab.destroy(snapshot):
                wrong.append(f"{snapshot} cannot be destroyed")
        pruned = self.lab.stillpoint("prune", "--orphans", limit=60)
        if not pruned.ok:
            wrong.append(f"prune --orphans: exit status {pruned.status}: {pruned.last}")
        return wrong + self.checker.dumps()

    # MARK: what an administrator does meanwhile

    def change(self, guest, change, step):
        name, state = guest.name, guest.state()
        if change != "foreign freeze" or guest.kind == "honest":
            self.changes[change] += 1
        # libvirtd may be away: then nothing was changed.
        match change:
            case "destroy" if state != "shut off":
                if guest.virsh("destroy", guest.uuid).ok:
                    self.expected[name] = "shut off"
            case "shutdown" if state == "running":
                guest.shutdown()
                self.expected[name] = guest.state() or state
            case "restart" | "start" if (state == "shut off") == (change == "start"):
                if change == "start" or guest.virsh("destroy", guest.uuid).ok:
                    started = guest.virsh("start", guest.uuid, limit=40).ok
                    self.expected[name] = "running" if started else "shut off"
                    self.undo.append(lambda: started and guest.wait())
            case "reset" if state == "running":
                guest.virsh("reset", guest.uuid)
                self.undo.append(lambda: guest.wait())
            case "pause" if state == "running":
                if guest.virsh("suspend", guest.uuid).ok:
                    self.expected[name] = "paused"
            case "rename":
                if state != "shut off" and guest.virsh("destroy", guest.uuid).ok:
                    self.expected[name] = "shut off"
                if guest.virsh("domrename", name, f"{name}-new").ok:
                    self.undo.append(lambda: self.rename_back(guest))
            # An administrator's own, which nobody else may end. Honest agents alone can tell.
            case "foreign freeze" if guest.kind == "honest" and state == "running":
                if guest.virsh("domfsfreeze", guest.uuid).ok:
                    self.foreign.append(guest)
                    self.undo.append(lambda: self.end_foreign_freeze(guest))
            case "twin":
                path = f"{self.lab.work}/{name}-twin.xml"
                lines = [line for line in guest.definition.splitlines() if "<uuid>" not in line]
                with open(path, "w") as file:
                    file.write("\n".join(lines).replace(f"<name>{name}</name>", f"<name>{name}-twin</name>"))
                if guest.virsh("define", path).ok:
                    self.undo.append(lambda: guest.virsh("undefine", f"{name}-twin"))
            case "hot-plug" if state == "running":
                image = f"/{self.lab.dataset}/{name}-hot.raw"
                run("truncate", "-s", "16M", image)
                if guest.virsh(
                        "attach-disk", guest.uuid, image, "vdx", "--live", "--driver", "qemu", "--subdriver", "raw").ok:
                    self.undo.append(lambda: self.unplug(guest, image))

    def end_foreign_freeze(self, guest):
        """Whose agent does not answer as long as the guest is paused, too."""
        is_paused = guest.state() == "paused"
        if is_paused:
            guest.virsh("resume", guest.uuid)
        guest.virsh("domfsthaw", guest.uuid)
        if is_paused:
            guest.virsh("suspend", guest.uuid)

    def rename_back(self, guest):
        # A libvirt snapshot of a run that is still open would forbid it.
        wait_until(30, lambda: guest.virsh("domrename", f"{guest.name}-new", guest.name).ok, 1)

    def unplug(self, guest, image):
        plugged = lambda: "vdx" in guest.virsh("domblklist", guest.uuid).text
        # Somebody may have restarted it meanwhile; a paused guest releases nothing.
        if guest.state() != "shut off" and plugged():
            if guest.state() == "paused":
                guest.virsh("destroy", guest.uuid)
                self.expected[guest.name] = "shut off"
            else:
                guest.virsh("detach-disk", guest.uuid, "vdx", "--live")
                if not wait_until(10, lambda: not plugged(), 0.3):
                    guest.virsh("destroy", guest.uuid)
                    self.expected[guest.name] = "shut off"
        if os.path.exists(image):
            os.remove(image)

    # MARK: the whole

    def run(self):
        self.prepare()
        self.began_steps = time.monotonic()
        end = self.began + self.options.minutes * 60
        for step in self.plan:
            if self.options.steps and step.number > self.options.steps:
                break
            # The last step must have a chance to end before its time is up.
            spent = time.monotonic() - self.began_steps
            if time.monotonic() + spent / max(1, self.executed) > end:
                break
            self.steps = step.number
            if step.number < self.options.first:
                continue
            if step.manager == self.options.without:
                step.manager = "by hand"
            self.one(step)
            if len(self.violations) >= self.options.give_up:
                print(f"given up after {len(self.violations)} violations")
                break
        self.violations += [(self.steps, text) for text in self.growth()]

    def one(self, step):
        began = time.monotonic()
        print(step, flush=True)
        if self.plan.odd != "no agent" and "odd" in step.states and step.states["odd"] == "running":
            self.faults[self.plan.odd] += 1
        self.managers[step.manager] += 1
        wrong, said = self.execute(step)
        took = time.monotonic() - began
        self.slowest = max(self.slowest, took)
        self.executed += 1
        print(f"  -> {said}; {took:.1f} s; {'VIOLATION' if wrong else 'ok'}", flush=True)
        for text in wrong:
            print(f"  VIOLATION seed {self.options.seed} step {step.number}: {text}", flush=True)
        if wrong:
            self.violations.append((step.number, wrong[0]))
            self.set_up_again()

    def report(self):
        print(f"\nseed {self.options.seed}, {time.monotonic() - self.began:.0f} s, odd guest: {self.plan.odd}\n")
        rows = [("steps", self.executed), ("longest step, s", round(self.slowest))]
        rows += [(f"manager {name}", count) for name, count in sorted(self.managers.items())]
        rows += [(f"change {name}", count) for name, count in sorted(self.changes.items())]
        rows += [(f"fault {name}", self.faults[name]) for name in [*FAULTS, *AGENTS] if self.faults[name]]
        rows += [(f"claim {name}", count) for name, count in sorted(self.claims.items())]
        for name, count in rows:
            print(f"{name:<36} {count:>8}")
        print(f"\nfaults injected: {sum(self.faults.values())}\nviolations: {len(self.violations)}")
        for number, text in self.violations:
            print(f"  seed {self.options.seed} step {number}: {text}")
        sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binaries")
    parser.add_argument("--seed", default=None)
    parser.add_argument("--steps", type=int, default=0, help="0: until the time is up")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--first", type=int, default=1, help="steps before it are drawn, not done")
    parser.add_argument("--guests", type=int, default=4, choices=(2, 3, 4))
    parser.add_argument("--without", metavar="MANAGER", help="its steps are done by hand instead")
    parser.add_argument("--no-sanoid", action="store_true", help="environment and arguments alone")
    parser.add_argument("--give-up", type=int, default=20, help="after so many violations")
    parser.add_argument("--plan", action="store_true", help="only print the steps")
    options = parser.parse_args()
    options.seed = options.seed or str(int(time.time()))
    print(f"seed {options.seed}", flush=True)
    if options.plan:
        for step in Plan(options.seed, options.guests, not options.no_sanoid):
            if step.number > (options.steps or 20):
                return 0
            print(step)
    stress = Stress(options)

    def out_of_time():
        print("\nHARD LIMIT: a step did not come back", flush=True)
        stress.violations.append((stress.steps, "did not end"))
        stress.report()
        os._exit(1)

    hard = threading.Timer(options.minutes * 60 + 240, out_of_time)
    hard.daemon = True
    hard.start()
    try:
        stress.run()
    except (RuntimeError, OSError) as error:
        print(f"FAILED: {error}", flush=True)
        stress.violations.append((stress.steps, str(error)))
    stress.report()
    sys.stdout.flush()
    os._exit(1 if stress.violations else 0)


if __name__ == "__main__":
    main()
