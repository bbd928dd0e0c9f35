"""The lab, its guests, and what they say on their consoles by the host's clock."""
import os
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from commands import run, wait_until


class Console:
    """Reads a guest's console as it grows: durable records, freezes, signs of life."""

    def __init__(self, path):
        self.path = path
        self.position = 0
        self.rest = b""
        self.durable = {}
        self.alive_at = 0.0
        self.booted = 0
        self.ready = 0
        self.frozen_since = None
        self.freezes = []  # (from, to), host's clock
        self.errors = []

    def read(self):
        try:
            with open(self.path, "rb") as file:
                file.seek(self.position)
                new = file.read()
        except OSError:
            return
        self.position += len(new)
        *lines, self.rest = (self.rest + new).split(b"\n")
        now = time.monotonic()
        for line in lines:
            if line.endswith(b"\r"):
                self.take(line.decode(errors="replace").split(), now)

    def take(self, words, now):
        if not words:
            return
        match words[0]:
            case "DURABLE" if len(words) == 3 and words[2].isdigit():
                self.durable[words[1]] = max(int(words[2]), self.durable.get(words[1], 0))
                self.alive_at = now
            case "RAM":
                self.alive_at = now
            case "BOOT":
                self.booted += 1
                self.frozen_since = None
            case "READY":
                self.ready = self.booted
            case "FREEZING":
                self.frozen_since = now
            case "FROZEN" if self.frozen_since is not None:
                self.freezes.append((self.frozen_since, now))
                self.frozen_since = None
            case "ERROR":
                self.errors.append(" ".join(words))


class Guest:
    def __init__(self, lab, name, disks=1, form="raw", options=(), kind="honest"):
        self.lab, self.name, self.form, self.options, self.kind = lab, name, form, tuple(options), kind
        self.disks = ["vda", "vdb", "vdc"][:disks]
        self.has_agent = "--no-agent" not in options
        self.uuid = None
        self.definition = None
        self.console = Console(f"{lab.folder}/{name}.log")

    def image(self, disk, folder=None):
        return f"{folder or '/' + self.lab.dataset}/{self.name}-{disk}.{self.form}"

    def make(self):
        """With new disks, so that what an earlier guest of this name said counts no more."""
        self.console.__init__(self.console.path)
        if os.path.exists(self.console.path):
            os.remove(self.console.path)
        made = run(
            self.lab.program, "guest", self.name, "--dataset", self.lab.leaf, "--disks", str(len(self.disks)),
            "--format", self.form, *self.options, limit=60)
        if not made.ok:
            raise RuntimeError(f"{self.name}: {made.text}")
        self.uuid = self.virsh("domuuid", self.name).text.strip()
        self.definition = self.inactive()

    def virsh(self, *arguments, limit=20):
        return run("virsh", "-q", *arguments, limit=limit)

    def inactive(self, name=None):
        return self.virsh("dumpxml", "--inactive", name or self.uuid).text.strip()

    def state(self):
        """A libvirtd that a fault has killed is waited for."""
        for _ in range(20):
            answer = self.virsh("domstate", self.uuid)
            if answer.ok:
                break
            time.sleep(0.5)
        return answer.text.strip().split(" (")[0]

    def qemu(self):
        try:
            with open(f"/run/libvirt/qemu/{self.name}.pid") as file:
                return int(file.read())
        except (OSError, ValueError):
            return None

    def agent(self, text, limit=6):
        return self.virsh("qemu-agent-command", "--timeout", str(limit), self.uuid, text, limit=limit + 5)

    def is_writing(self, limit):
        """Whether a new record becomes durable within so many seconds."""
        self.lab.watch.now()
        before = dict(self.console.durable)
        return wait_until(
            limit,
            lambda: all(self.console.durable.get(disk, 0) > before.get(disk, 0) for disk in self.disks))

    def wait(self, limit=60):
        """Until it has booted, writes, and its agent answers."""
        stop = time.monotonic() + limit
        while time.monotonic() < stop:
            if self.console.ready == self.console.booted and self.is_writing(5):
                if not self.has_agent or self.agent('{"execute":"guest-ping"}').ok:
                    return True
            time.sleep(0.2)
        return False

    def fsfreeze_status(self):
        found = re.search(r'"return":"(\w+)"', self.agent('{"execute":"guest-fsfreeze-status"}').text)
        return found.group(1) if found else None

    def set_state(self, wanted, limit=40):
        """`running`, `paused` or `shut off`. Returns whether it is so."""
        now = self.state()
        if now == wanted:
            return True
        if now == "shut off":
            self.virsh("start", self.uuid)
            wait_until(30, lambda: self.console.ready == self.console.booted and self.console.ready)
            if not self.wait(limit):
                return False
        elif now in ("paused", "pmsuspended") and wanted == "running":
            self.virsh("resume", self.uuid)
        if wanted == "shut off":
            self.shutdown()
        elif wanted == "paused":
            self.virsh("suspend", self.uuid)
        return wait_until(limit, lambda: self.state() == wanted, 0.3)

    def shutdown(self, limit=20):
        if self.state() == "paused":
            self.virsh("resume", self.uuid)
        self.virsh("shutdown", "--mode", "acpi", self.uuid)
        if not wait_until(limit, lambda: self.state() == "shut off", 0.3):
            self.virsh("destroy", self.uuid)

    def remove(self):
        for name in (self.name, f"{self.name}-twin", f"{self.name}-new"):
            self.virsh("destroy", name)
            self.virsh("undefine", "--snapshots-metadata", "--managed-save", name)
            try:
                os.remove(f"/etc/libvirt/qemu/{name}.xml")
            except OSError:
                pass


class Watch(threading.Thread):
    """Reads all consoles twenty times a second."""

    def __init__(self):
        super().__init__(daemon=True)
        self.consoles = []
        self.lock = threading.Lock()

    def now(self):
        with self.lock:
            for console in self.consoles:
                console.read()

    def run(self):
        while True:
            self.now()
            time.sleep(0.05)


class Lab:
    """What `Tests/Lab/lab run` gave this process, a dataset, and a small file system for overlays."""

    def __init__(self, binaries, leaf, overlay_mib=700):
        self.binaries = os.path.realpath(binaries)
        self.program = os.environ["LAB"]
        self.folder = os.environ["LAB_DIR"]
        self.pool = os.environ["LAB_POOL"]
        self.leaf = leaf
        self.dataset = f"{self.pool}/{leaf}"
        self.overlays = f"{self.folder}/small"
        self.cold = f"{self.folder}/cold-{leaf}"
        self.state = "/var/lib/stillpoint"
        self.work = f"{self.folder}/work-{leaf}"
        self.watch = Watch()
        self.pool_of_threads = ThreadPoolExecutor(4)
        self.overlay_mib = overlay_mib

    def prepare(self):
        for folder in (self.overlays, self.cold, self.work, "/etc/stillpoint", "/etc/sanoid", self.state):
            os.makedirs(folder, exist_ok=True)
        run("mount", "-t", "tmpfs", "-o", f"size={self.overlay_mib}M,mode=711", "stress", self.overlays)
        made = run(self.program, "dataset", self.leaf)
        if not made.ok:
            raise RuntimeError(made.text)
        self.watch.start()

    def make(self, guests):
        for guest in guests:
            guest.make()
            self.watch.consoles.append(guest.console)
        for guest in guests:
            if not guest.wait(120):
                raise RuntimeError(f"{guest.name} does not start")

    def tool(self, name):
        return f"{self.binaries}/{name}"

    def stillpoint(self, *arguments, limit=120, env=None):
        return run(self.tool("stillpoint"), *arguments, limit=limit, env=env)

    def runs(self):
        try:
            return sorted(os.listdir(f"{self.state}/runs"))
        except OSError:
            return []

    def snapshots(self):
        return run("zfs", "list", "-H", "-o", "name", "-t", "snapshot", "-r", self.dataset).text.split()

    def destroy(self, name, limit=15):
        """zfs-fuse may call a dataset busy for a moment."""
        return wait_until(limit, lambda: run("zfs", "destroy", name).ok, 0.3)

    def start_libvirtd(self):
        try:
            os.remove("/run/libvirtd.pid")
        except OSError:
            pass
        run("unshare", "--net", "libvirtd", "-d", "-p", "/run/libvirtd.pid")
        return wait_until(30, lambda: run("virsh", "-q", "list", limit=10).ok, 0.2)

    def process(self, daemon):
        try:
            with open(f"/run/{daemon}.pid") as file:
                return int(file.read())
        except (OSError, ValueError):
            return None
