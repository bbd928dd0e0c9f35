"""What must hold after each step, whatever was done to whom. Stress and the n-th call share it."""
import os
import re
import signal
import tempfile
import time

from commands import processes, run, send, wait_until


def inspect(image, form):
    """(has a clean journal, number of records, what is wrong or None), from a copy of an image."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("LAB_DIR", "/var/tmp"), prefix="copy.") as folder:
        copy, records = f"{folder}/disk", f"{folder}/records"
        if form == "raw":
            copied = run("cp", "--sparse=always", image, copy)
        else:
            copied = run("qemu-img", "convert", "-U", "-O", "raw", image, copy)
        if not copied.ok:
            return False, 0, f"{image}: {copied.last}"
        header = run("dumpe2fs", "-h", copy)
        clean = header.ok and "needs_recovery" not in header.text
        fsck = run("e2fsck", "-fy", copy)
        if fsck.status not in (0, 1):
            return clean, 0, f"{image}: e2fsck {fsck.status}: {fsck.last}"
        run("debugfs", "-R", f"dump /records {records}", copy)
        try:
            with open(records, "rb") as file:
                lines = file.read().split(b"\n")
        except OSError:
            return clean, 0, None
        whole = lines[:-1]
        for number, line in enumerate(whole, 1):
            if line != b"%015d" % number:
                return clean, number - 1, f"{image}: record {number} is {line[:32]!r}"
        return clean, len(whole), None


class Checker:
    def __init__(self, lab, guests, freeze_limit):
        self.lab, self.guests, self.freeze_limit = lab, guests, freeze_limit
        self.number = 0

    # What has been durable so far, by guest and disk; everything is asked of it later.
    def durable(self):
        self.lab.watch.now()
        return {guest.name: dict(guest.console.durable) for guest in self.guests}

    def settle(self, limit, forced_after=4, linger=30):
        """`stillpoint recover` until it says 0 and no run is open; a run that would wait for its post is ended by name.

        Then no process of ours may be left after `linger` seconds; with 0, watchdogs that have not noticed yet are ended.
        Returns what is wrong."""
        began = time.monotonic()
        said = None
        while time.monotonic() - began < limit:
            said = self.lab.stillpoint("recover", limit=60)
            open_runs = self.lab.runs()
            if said.ok and not open_runs:
                break
            if time.monotonic() - began > forced_after:
                for name in (name for name in open_runs if name.endswith(".json")):
                    said = self.lab.stillpoint("recover", "--run", name.removesuffix(".json"), limit=60)
            time.sleep(0.2)
        else:
            return [f"recover: exit status {said.status if said else None} after {limit} s, open: {self.lab.runs()}: "
                    f"{said.text[-600:] if said else ''}"]
        if not linger:
            for number, _ in processes(self.lab.binaries, guards=True):
                send(number, signal.SIGKILL)
        if not wait_until(linger or 30, lambda: not processes(self.lab.binaries), 0.05):
            return [f"alive: {processes(self.lab.binaries)}"]
        return []

    def nothing_left(self, expected_states, extra_disks=None):
        """Definitions, disks, overlays, libvirt snapshots, block jobs, states, freezes."""
        found = [f"left in overlay_dir: {name}" for name in sorted(os.listdir(self.lab.overlays))]
        found += [f"left in runs: {name}" for name in self.lab.runs()]
        checks = [
            self.lab.pool_of_threads.submit(
                self.guest_is_whole, guest, expected_states.get(guest.name, "running"),
                (extra_disks or {}).get(guest.name, []))
            for guest in self.guests]
        for check in checks:
            found += check.result()
        clones = run("zfs", "list", "-H", "-o", "name", "-r", self.lab.pool).text.split()
        found += [f"left: {name}" for name in clones if name not in (self.lab.pool, self.lab.dataset)]
        return found

    def guest_is_whole(self, guest, expected, extra):
        found = []
        say = lambda text: found.append(f"{guest.name}: {text}")
        inactive = guest.inactive()
        if inactive != guest.definition:
            changed = set(inactive.splitlines()) ^ set(guest.definition.splitlines())
            say(f"another definition than before: {sorted(line.strip() for line in changed)[:6]}")
        state = guest.state()
        if state != expected:
            say(f"is {state}, should be {expected}")
        if state not in ("shut off", ""):
            live = guest.virsh("dumpxml", guest.uuid).text
            if "<mirror" in live:
                say("a block job in its definition")
            blocks = dict(
                line.split(None, 1) for line in guest.virsh("domblklist", guest.uuid).text.splitlines() if line)
            for disk in guest.disks:
                if blocks.get(disk) != guest.image(disk):
                    say(f"{disk} is on {blocks.get(disk)}")
                job = guest.virsh("blockjob", guest.uuid, disk, "--raw").text.strip()
                if "type=" in job:
                    say(f"{disk} has a block job: {job}")
            if self.lab.overlays in live:
                say("an overlay in its live definition")
        snapshots = guest.virsh("snapshot-list", "--name", guest.uuid).text.strip()
        if snapshots:
            say(f"libvirt snapshots: {snapshots.split()}")
        if state == "running":
            if not guest.is_writing(15):
                say(f"writes nothing; agent says {guest.fsfreeze_status() if guest.has_agent else 'nothing'}")
            elif guest.has_agent:
                status = guest.fsfreeze_status()
                if status == "frozen":
                    say("the agent says that it is frozen")
        return found

    def freezes(self, since, allowance, foreign=()):
        """Those longer than the limit by the host's clock; not of guests that somebody else froze."""
        found = []
        self.lab.watch.now()
        for guest in (guest for guest in self.guests if guest not in foreign):
            limit = self.freeze_limit + allowance
            console = guest.console
            ended = [(a, b) for a, b in console.freezes if a >= since]
            if console.frozen_since is not None and console.frozen_since >= since:
                ended.append((console.frozen_since, time.monotonic()))
            for began, over in ended:
                if over - began > limit:
                    found.append(f"{guest.name}: frozen for {over - began:.1f} s, limit {limit:.1f}")
        return found

    def records_on_disks(self):
        """What was durable must be in a snapshot that is taken now, as after a power cut."""
        self.number += 1
        durable = self.durable()
        name = f"check{self.number}"
        taken = run("zfs", "snapshot", f"{self.lab.dataset}@{name}")
        if not taken.ok:
            return [f"the checker's own snapshot fails: {taken.last}"]
        found = self.in_clone(name, lambda folder: self.compare(folder, durable, {}))
        self.lab.destroy(f"{self.lab.dataset}@{name}")
        return found

    def claims(self, snapshot, durable_before):
        """(what is wrong, the claims as text) of a snapshot: its records, and evidence for what it says."""
        value = run("zfs", "get", "-H", "-o", "value", "stillpoint:vms", snapshot).text.strip()
        claims = dict(part.split(":", 1)[0].split("=", 1) for part in value.split(",") if "=" in part)
        found = self.in_clone(
            snapshot.partition("@")[2], lambda folder: self.compare(folder, durable_before, claims))
        run_id = run("zfs", "get", "-H", "-o", "value", "stillpoint:run", snapshot).text.strip()
        for vm, claim in claims.items():
            if claim == "memory" and not self.has_dump(run_id):
                found.append(f"{snapshot}: {vm} is memory, and there is no RAM dump of {run_id}")
        return [f"{snapshot.partition('@')[2]}: {text}" for text in found], value

    def has_dump(self, run_id):
        return any(
            run_id in os.path.join(folder, name) and ".ram" in name
            for root in (self.lab.cold, self.lab.overlays) for folder, _, names in os.walk(root) for name in names)

    def in_clone(self, name, body):
        self.number += 1
        clone = f"{self.lab.pool}/look{self.number}"
        made = run("zfs", "clone", f"{self.lab.dataset}@{name}", clone)
        if not made.ok:
            return [f"no clone of {name}: {made.last}"]
        try:
            return body(f"/{clone}")
        finally:
            self.lab.destroy(clone)

    def compare(self, folder, durable, claims):
        found = []
        looks = [
            (guest, disk, self.lab.pool_of_threads.submit(inspect, guest.image(disk, folder), guest.form))
            for guest in self.guests for disk in guest.disks]
        for guest, disk, look in looks:
            clean, records, wrong = look.result()
            wanted = durable.get(guest.name, {}).get(disk, 0)
            claim = claims.get(guest.name)
            if wrong:
                found.append(f"{guest.name} {disk}: {wrong}")
            if records < wanted:
                found.append(f"{guest.name} {disk}: {records} records, {wanted} were durable (claim: {claim})")
            if claim == "quiesced" and not clean:
                found.append(f"{guest.name} {disk}: says quiesced, and its journal needs recovery")
        return found

    def dumps(self):
        """RAM dumps without a snapshot that refers to them."""
        known = set()
        snapshots = self.lab.snapshots()
        for snapshot in snapshots:
            known.add(run("zfs", "get", "-H", "-o", "value", "stillpoint:run", snapshot).text.strip())
        # Where zfs refused the properties the catalogue alone tells.
        points = f"{self.lab.state}/restore-points"
        for name in os.listdir(points) if os.path.isdir(points) else []:
            if name.endswith(".json"):
                with open(f"{points}/{name}", errors="replace") as file:
                    text = file.read()
                if any(snapshot.partition("@")[2] in text for snapshot in snapshots):
                    known.add(name.removesuffix(".json"))
        found = []
        for folder, _, names in os.walk(self.lab.cold):
            for name in names:
                identity = re.search(r"\d{8}T\d{6}Z-[0-9a-f]+", name)
                if name.endswith(".ram") and identity and identity.group() not in known:
                    found.append(f"a RAM dump without a snapshot: {folder}/{name}")
        return found
