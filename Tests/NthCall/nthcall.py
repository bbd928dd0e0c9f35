#!/usr/bin/python3
"""Each write, sync, rename, unlink, open and exec of each program in turn fails or is its last one (nth.c); then
`stillpoint recover` must bring everything back. Runs inside `Tests/Lab/lab run`; README.md says more."""
import argparse
import collections
import fcntl
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Stress"))

from checker import Checker, inspect  # noqa: E402
from commands import CRASHED, TIMED_OUT, processes, run, send, wait_until  # noqa: E402
from guests import Guest, Lab  # noqa: E402

CLASSES = {
    "write": "write,pwrite64,writev,sendto,sendmsg",
    "sync": "fsync,fdatasync",
    "rename": "rename,renameat,renameat2",
    "unlink": "unlink,unlinkat,rmdir",
    "open": "open,openat",
    "exec": "execve",
}
FAULTS = {"ENOSPC": "error=ENOSPC", "EIO": "error=EIO", "KILL": "signal=KILL"}
FREEZE_LIMIT, AGENT_TIMEOUT = 5, 4
CALL_LIMIT = 120
# 127: the loader found no library.
ENDS = {0, 1, 2, 3, 127, 128 + signal.SIGKILL, *CRASHED}


class Injected:
    """How a call ended in which a system call was counted or struck. Whoever struck continues with what it leaves behind."""

    def __init__(self, nth, calls, fault, number, command, env, report):
        self.report = report
        if os.path.exists(report):
            os.remove(report)
        self.output = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [nth, calls, fault, str(number), report, *command], stdin=subprocess.DEVNULL, stdout=self.output,
            stderr=subprocess.STDOUT, env=env, start_new_session=True, close_fds=False)
        wait_until(CALL_LIMIT, self.is_over, 0.02)
        lines = self.lines()
        ends = [line for line in lines if line.startswith("exit ")]
        self.status = int(ends[0].split()[1]) if ends else TIMED_OUT
        if not ends:
            # Its tracees end with it.
            self.process.kill()
        self.output.seek(0)
        self.text = self.output.read().decode(errors="replace")

    def is_over(self):
        return self.process.poll() is not None or any(line.startswith("exit ") for line in self.lines())

    def lines(self):
        try:
            with open(self.report, errors="replace") as file:
                return file.read().splitlines()
        except OSError:
            return []

    def struck(self):
        """`write /path`, of what was struck; empty where the call came to no such number."""
        return next((line.split(" ", 3)[3] for line in self.lines() if line.startswith("hit ")), "")


class Row:
    """A program, what comes before it, and what must hold after it."""

    name = ""

    def __init__(self, test):
        self.test, self.lab = test, test.lab

    def prepare(self, name):
        """Gives the command line and its environment, or None where it cannot begin."""

    def finish(self, name, status, say):
        """What a manager would do next."""


class Pre(Row):
    name = "pre-snapshot"

    def prepare(self, name):
        return [self.lab.tool("pre-snapshot"), f"{self.lab.dataset}@{name}"], {}

    def finish(self, name, status, say):
        if status == 0:
            taken = run("zfs", "snapshot", f"{self.lab.dataset}@{name}")
            if not taken.ok:
                say(f"zfs snapshot: {taken.last}")
            post = run(self.lab.tool("post-snapshot"), f"{self.lab.dataset}@{name}", limit=CALL_LIMIT)
            if post.status not in (0, 3):
                say(f"post after it says {post.status}: {post.last}")
        elif status not in ENDS:
            say(f"exit status {status}")
        elif status in (1, 2) and os.listdir(self.lab.overlays):
            say(f"failed with {status} and left {os.listdir(self.lab.overlays)}")


class Post(Row):
    name = "post-snapshot"

    def prepare(self, name):
        dataset = self.lab.dataset
        pre = run(self.lab.tool("pre-snapshot"), f"{dataset}@{name}", limit=CALL_LIMIT)
        taken = run("zfs", "snapshot", f"{dataset}@{name}")
        self.test.kill_watchdogs()
        if not pre.ok or not taken.ok:
            return None
        return [self.lab.tool("post-snapshot"), f"{dataset}@{name}"], {}

    def finish(self, name, status, say):
        if status == 0 and self.test.open_runs():
            say(f"says 0, and open is {self.test.open_runs()}")
        elif status not in ENDS:
            say(f"exit status {status}")


class Recover(Row):
    name = "recover"

    def prepare(self, name):
        pre = run(self.lab.tool("pre-snapshot"), f"{self.lab.dataset}@{name}", limit=CALL_LIMIT)
        self.test.kill_watchdogs()
        return ([self.lab.tool("stillpoint"), "recover"], {}) if pre.ok else None

    def finish(self, name, status, say):
        if status == 0 and self.test.open_runs():
            say(f"says 0, and open is {self.test.open_runs()}")
        elif status not in ENDS:
            say(f"exit status {status}")


class Watchdog(Row):
    name = "watchdog"

    def prepare(self, name):
        pre = run(self.lab.tool("pre-snapshot"), f"{self.lab.dataset}@{name}", limit=CALL_LIMIT)
        self.test.kill_watchdogs()
        runs = [name.removesuffix(".json") for name in self.lab.runs() if name.endswith(".json")]
        if not pre.ok or not runs:
            return None
        # It inherits the run's lock, as from pre-snapshot.
        self.lock = open(f"{self.lab.state}/runs/{runs[0]}.guard")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        os.set_inheritable(self.lock.fileno(), True)
        # Process 1 never began at 1: a manager that is gone.
        call = [self.lab.tool("pre-snapshot"), runs[0], str(self.lock.fileno()), "1:1"]
        return call, {"NTH_CALLED_AS": "stillpoint-watchdog"}


class Archive(Row):
    name = "archive"

    def prepare(self, name):
        dataset = self.lab.dataset
        self.test.configure("strategy = memory, quiesce", cold=False)
        pre = run(self.lab.tool("pre-snapshot"), f"{dataset}@{name}", limit=CALL_LIMIT)
        taken = run("zfs", "snapshot", f"{dataset}@{name}")
        post = run(self.lab.tool("post-snapshot"), f"{dataset}@{name}", limit=CALL_LIMIT)
        self.test.configure("strategy = quiesce")
        points = f"{self.lab.state}/restore-points"
        for point in os.listdir(points):
            if point.endswith(".json"):
                open(f"{points}/{point.removesuffix('.json')}.archive", "w").close()
        return ([self.lab.tool("stillpoint"), "archive"], {}) if pre.ok and taken.ok and post.ok else None

    def finish(self, name, status, say):
        again = self.lab.stillpoint("archive")
        if not again.ok:
            say(f"the next archive says {again.status}: {again.last}")
        run_id = run("zfs", "get", "-H", "-o", "value", "stillpoint:run", f"{self.lab.dataset}@{name}").text.strip()
        stored = [entry for _, _, names in os.walk(self.lab.cold) for entry in names]
        if f"{run_id}.ram" not in stored or f"{run_id}.json" not in stored:
            say(f"cold storage has no dump of {run_id}: {stored}")
        elif not self.test.is_whole(run_id):
            say(f"the dump of {run_id} in cold storage is damaged")


class RestoreAs(Row):
    name = "restore --as"

    def prepare(self, name):
        return [self.lab.tool("stillpoint"), "restore", f"{self.lab.dataset}@base", "--vm", "still", "--as", "copy"], {}

    def finish(self, name, status, say):
        defined = run("virsh", "-q", "dominfo", "copy").ok
        clone = f"{self.lab.pool}/copy"
        cloned = run("zfs", "list", clone).ok
        if status == 0 and not (defined and cloned):
            say(f"says 0; defined: {defined}, clone: {cloned}")
        if status in (1, 2) and (defined or cloned):
            say(f"says {status}, all undone, and left: VM {defined}, clone {cloned}")
        run("virsh", "-q", "undefine", "--nvram", "copy")
        if cloned and not self.lab.destroy(clone):
            say("its clone cannot be destroyed")


class RestoreInPlace(Row):
    name = "restore --in-place"

    def prepare(self, name):
        still = self.test.still
        self.before = self.test.still_records("vda")
        # What was there before must be told from what is restored.
        self.mark = f"/{self.lab.dataset}/still-vda.raw"
        self.times = os.stat(self.mark).st_mtime_ns
        return [self.lab.tool("stillpoint"), "restore", f"{self.lab.dataset}@base", "--vm", still.name, "--in-place"], {}

    def finish(self, name, status, say):
        self.lab.stillpoint("recover")
        for entry in os.listdir(f"/{self.lab.dataset}"):
            # The present files are kept beside until the VM runs.
            if entry not in self.test.entries:
                if status in (0, 1, 2) and not (status == 0 and ".before-" in entry):
                    say(f"says {status} and left {entry}")
                if not os.path.exists(self.mark) and "still-vda" in entry:
                    os.rename(f"/{self.lab.dataset}/{entry}", self.mark)
                    say(f"took {self.mark} away and left {entry}")
                elif os.path.isfile(f"/{self.lab.dataset}/{entry}"):
                    os.remove(f"/{self.lab.dataset}/{entry}")
        if not os.path.exists(self.mark):
            say(f"took {self.mark} away")
            return
        records = self.test.still_records("vda")
        if records != self.before:
            say(f"still has {records}, had {self.before}")
        for clone in run("zfs", "list", "-H", "-o", "name", "-r", self.lab.pool).text.split():
            if clone not in (self.lab.pool, self.lab.dataset):
                if status in (0, 1, 2):
                    say(f"says {status} and left {clone}")
                self.lab.destroy(clone)


ROWS = {row.name: row for row in (Pre, Post, Recover, Watchdog, Archive, RestoreAs, RestoreInPlace)}


class NthCall:
    def __init__(self, options):
        self.options = options
        self.lab = Lab(options.binaries, "nth")
        self.one = Guest(self.lab, "one", disks=1)
        self.still = Guest(self.lab, "still")
        self.guests = [self.one, self.still]
        self.expected = {"one": "running", "still": "shut off"}
        self.tried = collections.Counter()
        self.survived = collections.Counter()
        self.exits = collections.defaultdict(collections.Counter)
        self.failures = []
        self.missed = 0
        self.crashes = collections.Counter()
        self.number = 0
        self.end = time.monotonic() + options.minutes * 60
        self.random = random.Random(options.seed)

    def prepare(self):
        self.lab.prepare()
        self.nth = f"{self.lab.work}/nth"
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "nth.c")
        built = run("gcc", "-O2", "-Wall", "-Wextra", "-o", self.nth, source, limit=60)
        if not built.ok:
            raise RuntimeError(built.text)
        self.lab.make(self.guests)
        # Some records to lose, then off, whole.
        wait_until(10, lambda: self.still.console.durable.get("vda", 0) > 50)
        self.still.set_state("shut off")
        self.lab.watch.now()
        self.checker = Checker(self.lab, self.guests, FREEZE_LIMIT + AGENT_TIMEOUT + 6)
        self.configure("strategy = quiesce")
        base = f"{self.lab.dataset}@base"
        for command in ([self.lab.tool("pre-snapshot"), base], ["zfs", "snapshot", base],
                        [self.lab.tool("post-snapshot"), base]):
            done = run(*command, limit=CALL_LIMIT)
            if not done.ok:
                raise RuntimeError(f"{command}: {done.text}")
        self.entries = set(os.listdir(f"/{self.lab.dataset}"))
        self.kill_watchdogs()

    def configure(self, policy, cold=True):
        lines = [
            "[stillpoint]", f"overlay_dir = {self.lab.overlays}", f"ram_dir = {self.lab.overlays}", "max_hold = 60",
            f"freeze_limit = {FREEZE_LIMIT}", f"agent_timeout = {AGENT_TIMEOUT}",
            f"freeze_timeout = {AGENT_TIMEOUT}", "commit_timeout = 40"]
        if cold:
            lines.append(f"cold_storage = {self.lab.cold}")
        with open("/etc/stillpoint/stillpoint.conf", "w") as file:
            file.write("\n".join([*lines, policy]) + "\n")

    def kill_watchdogs(self):
        for number, _ in processes(self.lab.binaries, guards=True):
            send(number, signal.SIGKILL)
        wait_until(2, lambda: not processes(self.lab.binaries, guards=True), 0.02)

    def open_runs(self):
        return [name for name in self.lab.runs() if name.endswith(".json")]

    def still_records(self, disk):
        _, records, wrong = inspect(self.still.image(disk), self.still.form)
        return wrong or records

    def is_whole(self, run_id):
        for folder, _, names in os.walk(self.lab.cold):
            if f"{run_id}.ram" in names:
                return run("zstd", "-qt", f"{folder}/{run_id}.ram").ok
        return False

    # MARK: which calls there are

    def calls(self, row):
        """How many of each class there are when nothing is struck."""
        self.number += 1
        snapshot = f"count{self.number}"
        prepared = row.prepare(snapshot)
        if prepared is None:
            raise RuntimeError(f"{row.name}: cannot begin")
        command, more = prepared
        done = Injected(
            self.nth, ",".join(CLASSES.values()), "count", 0, command, dict(os.environ, **more),
            f"{self.lab.work}/report")
        if done.status != 0:
            raise RuntimeError(f"{row.name}: unstruck exit status {done.status}: {done.text}")
        row.finish(snapshot, done.status, lambda text: print(f"  unstruck: {text}"))
        made = collections.Counter(line.split(" ", 4)[3] for line in done.lines() if line.startswith("call "))
        self.checker.settle(60, linger=0)
        self.clear_snapshots()
        return {name: sum(made[call] for call in calls.split(",")) for name, calls in CLASSES.items()}

    def cases(self, row):
        """In an order drawn from the seed: where time runs out, those tried are spread over all."""
        calls = self.calls(row)
        print(f"{row.name}: " + ", ".join(f"{count} {name}" for name, count in calls.items()), flush=True)
        cases = [(name, fault, number) for name, count in calls.items() for fault in FAULTS
                 for number in range(1, count + 1)
                 if not (name == "exec" and fault == "ENOSPC")
                 and (not self.options.classes or name in self.options.classes)]
        return self.random.sample(cases, -(-len(cases) // self.options.sample))

    # MARK: one round

    def round(self, row, case):
        name, fault, which = case
        self.number += 1
        snapshot = f"n{self.number}"
        wrong = []
        began = time.monotonic()
        durable = self.checker.durable()
        prepared = row.prepare(snapshot)
        if prepared is None:
            self.checker.settle(60, linger=0)
            return ["cannot begin"], None
        command, more = prepared
        say = wrong.append
        struck = Injected(self.nth, CLASSES[name], fault, which, command, dict(os.environ, **more), f"{self.lab.work}/report")
        if struck.status == TIMED_OUT:
            say(f"does not end within {CALL_LIMIT} s")
        if struck.status in CRASHED:
            # Of a runtime library's own check, mostly. Not a lie, since it is no 0, and recovered like a kill; but to be seen.
            self.crashes[f"{row.name}: {fault} in {struck.struck()}"] += 1
        row.finish(snapshot, struck.status, say)
        wrong += self.checker.settle(60, linger=0)
        if os.path.isdir(self.lab.cold):
            self.lab.stillpoint("archive")
        left = self.checker.nothing_left(self.expected)
        wrong += left
        wrong += self.checker.freezes(began, 0)
        exists = f"{self.lab.dataset}@{snapshot}" in self.lab.snapshots()
        if exists and row.name in ("pre-snapshot", "post-snapshot"):
            found, _ = self.checker.claims(f"{self.lab.dataset}@{snapshot}", durable)
            wrong += found
        elif self.number % 20 == 0:
            # A record that is lost once leaves a gap for ever: it need not be checked for after each call.
            wrong += self.checker.records_on_disks()
        self.clear_snapshots()
        if wrong and struck.text.strip():
            wrong.append("said: " + struck.text.strip()[-1500:].replace("\n", " / "))
        return wrong, struck

    def clear_snapshots(self):
        for snapshot in self.lab.snapshots():
            if not snapshot.endswith("@base"):
                self.lab.destroy(snapshot)
        self.lab.stillpoint("prune", "--orphans")

    def start_again(self):
        for guest in self.guests:
            guest.remove()
        for folder in (self.lab.overlays, f"{self.lab.state}/runs"):
            for name in os.listdir(folder):
                os.remove(f"{folder}/{name}")
        for number, _ in processes(self.lab.binaries):
            send(number, signal.SIGKILL)
        for snapshot in self.lab.snapshots():
            self.lab.destroy(snapshot)
        for guest in self.guests:
            guest.make()
        for guest in self.guests:
            if not guest.wait(120):
                raise RuntimeError(f"{guest.name} does not start any more")
        self.still.set_state("shut off")
        base = f"{self.lab.dataset}@base"
        for command in ([self.lab.tool("pre-snapshot"), base], ["zfs", "snapshot", base],
                        [self.lab.tool("post-snapshot"), base]):
            run(*command, limit=CALL_LIMIT)

    def one_case(self, row, case):
        name, fault, which = case
        wrong, struck = self.round(row, case)
        status = struck.status if struck else "-"
        call = struck.struck() if struck else ""
        if not call and not wrong:
            self.missed += 1
            return
        key = (row.name, name, fault)
        self.tried[key] += 1
        self.exits[row.name][status] += 1
        if not wrong:
            self.survived[key] += 1
            return
        repeat = f"--only '{row.name}' --case {name}:{fault}:{which}"
        for text in wrong:
            print(f"  FAILED {row.name}: {fault} in {call or name} ({which}), exit {status}: {text}", flush=True)
        print(f"    repeat: {repeat}", flush=True)
        self.failures.append((f"{row.name}: {fault} in {call or name} ({which}), exit {status}: {wrong[0]}", repeat))
        # Whether the next one can begin: what could not be brought back once would count against all that follow.
        if self.checker.nothing_left(self.expected):
            self.start_again()

    def run(self):
        self.prepare()
        rows = [ROWS[name](self) for name in (self.options.only or ROWS)]
        budget = (self.end - time.monotonic()) / len(rows)
        for place, row in enumerate(rows):
            # Each has its share of the time, and what those before it have left over.
            stop = self.end - budget * (len(rows) - place - 1)
            if self.options.case:
                name, fault, which = self.options.case.split(":", 2)
                self.one_case(row, (name, fault, which))
                continue
            cases = self.cases(row)
            for done, case in enumerate(cases):
                if time.monotonic() > stop:
                    print(f"{row.name}: out of time after {done} of {len(cases)} cases", flush=True)
                    break
                self.one_case(row, case)
        wrong = self.checker.records_on_disks()
        for text in wrong:
            self.failures.append((f"at the end: {text}", ""))

    def report(self):
        print(f"\n{'program':<20} {'calls':<8} {'fault':<8} {'tried':>6} {'survived':>9}")
        for key in self.tried:
            print(f"{key[0]:<20} {key[1]:<8} {key[2]:<8} {self.tried[key]:>6} {self.survived[key]:>9}")
        for name, exits in self.exits.items():
            print(f"{name}: exit statuses {', '.join(f'{status}: {count}' for status, count in sorted(exits.items(), key=str))}")
        for text, count in self.crashes.items():
            print(f"crashed, and recovered: {text}" + (f" ({count} times)" if count > 1 else ""))
        print(f"not reached (fewer calls than counted): {self.missed}")
        print(f"\ntried: {sum(self.tried.values())}, survived: {sum(self.survived.values())}, "
              f"failures: {len(self.failures)}")
        for text, repeat in self.failures:
            print(f"  {text}\n    repeat: {repeat}")
        sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binaries")
    parser.add_argument("--sample", type=int, default=1, metavar="K", help="one case of K alone")
    parser.add_argument("--seed", default="1", help="of the sample and the order")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--only", action="append", choices=list(ROWS), help="this program; may repeat")
    parser.add_argument("--classes", action="append", choices=list(CLASSES), help="these calls; may repeat")
    parser.add_argument("--case", help="CLASS:FAULT:N or CLASS:FAULT:@PART-OF-A-PATH, one round, with --only")
    options = parser.parse_args()
    test = NthCall(options)

    def out_of_time():
        print("\nHARD LIMIT: a round did not come back", flush=True)
        test.failures.append(("did not end", ""))
        test.report()
        os._exit(1)

    hard = threading.Timer(options.minutes * 60 + 240, out_of_time)
    hard.daemon = True
    hard.start()
    try:
        test.run()
    except (RuntimeError, OSError) as error:
        print(f"FAILED: {error}", flush=True)
        test.failures.append((str(error), ""))
    test.report()
    os._exit(1 if test.failures else 0)


if __name__ == "__main__":
    main()
