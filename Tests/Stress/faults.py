"""Faults: each strikes so long after its phase began, and is healed when its time is up, at the latest at the step's end."""
import os
import signal
import threading
import time

from commands import processes, run, send, wait_until

HOOKS = {"pre": "pre-snapshot", "post": "post-snapshot"}


def zfs_wrapper(lab):
    """A zfs that hangs or fails for the hooks when a file says so. Returns the environment that has it."""
    folder = f"{lab.work}/bin"
    os.makedirs(folder, exist_ok=True)
    real = run("bash", "-c", "type -P zfs").text.strip()
    with open(f"{folder}/zfs", "w") as file:
        file.write(f"""#!/bin/bash
if read -r what verb seconds 2>/dev/null <{lab.work}/zfs-fault && [[ $verb == any || $verb == "$1" ]]; then
    case $what in
    hangs) sleep "$seconds" ;;
    fails) echo "cannot open '$2': I/O error" >&2; exit 1 ;;
    esac
fi
exec {real} "$@"
""")
    os.chmod(f"{folder}/zfs", 0o755)
    return dict(os.environ, PATH=f"{folder}:{os.environ['PATH']}")


class Faults:
    """The faults of one step."""

    def __init__(self, lab, guests, faults):
        self.lab = lab
        self.guests = {guest.name: guest for guest in guests}
        self.faults = faults
        self.threads = []
        self.heals = []
        self.struck = []
        self.manager = None
        self.over = threading.Event()
        self.stopped = []  # process numbers that stand still

    def allowance(self):
        """Seconds that a guest may be frozen longer on their account: nobody can thaw what stands still."""
        return sum(
            fault.duration + 3 for fault in self.faults
            if fault.kind.startswith(("stop", "hung", "zfs hangs", "kill libvirtd", "slow"))) + (
                10 if any("watchdog" in fault.kind for fault in self.faults) else 0)

    def begin(self, phase):
        for fault in self.faults:
            if fault.phase == phase:
                thread = threading.Thread(target=self.strike_later, args=(fault,), daemon=True)
                thread.start()
                self.threads.append(thread)

    def strike_later(self, fault):
        time.sleep(fault.delay)
        try:
            if self.strike(fault):
                self.struck.append(fault.kind)
        except OSError as error:
            print(f"  {fault.kind}: {error}", flush=True)

    def strike(self, fault):
        kind = fault.kind
        match kind:
            case "kill pre" | "kill post":
                return self.kill_hook(HOOKS[fault.phase])
            case "kill watchdog":
                return self.kill_watchdogs()
            case "kill watchdog and post" | "kill recover":
                struck = self.kill_watchdogs()
                return self.kill_hook("post-snapshot") or struck
            case "kill archive":
                found = []
                wait_until(3, lambda: found.extend(processes(self.lab.binaries, words=(" archive",))) or found, 0.005)
                return any([send(number, signal.SIGKILL) for number, _ in found])
            case "kill manager":
                if self.manager:
                    self.manager.kill()
                return self.manager is not None
            case "kill libvirtd":
                number = self.lab.process("libvirtd")
                if not number or not send(number, signal.SIGKILL):
                    return False
                self.sleep(fault.duration)
                return self.lab.start_libvirtd()
            case "stop QEMU":
                return self.stand_still(self.guests[fault.guest].qemu(), fault.duration)
            case "stop libvirtd":
                return self.stand_still(self.lab.process("libvirtd"), fault.duration)
            case "hung pool":
                found = run("pgrep", "-x", "zfs-fuse").text.split()
                return self.stand_still(int(found[0]) if found else None, min(fault.duration, 3))
            case "stop agent":
                return self.stop_agent(self.guests[fault.guest], fault.duration)
            case "full overlays":
                return self.fill(fault.room)
            case "full state_dir":
                # A tmpfs of the lab's own.
                used = os.statvfs(self.lab.state)
                size = (used.f_blocks - used.f_bfree) * used.f_frsize // 1024
                self.heals.append(lambda: run("mount", "-o", "remount,size=50%", self.lab.state))
                return run("mount", "-o", f"remount,size={max(size, 4)}k", self.lab.state).ok
            case "slow disk":
                guest = self.guests[fault.guest]
                self.heals.append(lambda: guest.virsh("blkdeviotune", guest.uuid, "vda", "--live", "0", "0", "0", "0"))
                return guest.virsh(
                    "blkdeviotune", guest.uuid, "vda", "--live", "--total-iops-sec", "15", limit=5).ok
            case "zfs hangs" | "zfs fails":
                path = f"{self.lab.work}/zfs-fault"
                self.heals.append(lambda: os.path.exists(path) and os.remove(path))
                with open(path + ".new", "w") as file:
                    file.write(f"{kind.split()[1]} {fault.verb} {fault.duration:.1f}\n")
                os.rename(path + ".new", path)
                return True
        raise ValueError(kind)

    def sleep(self, seconds):
        time.sleep(seconds)

    def kill_hook(self, name):
        """A hook, not its watchdog, which has the same program."""
        path = f"{self.lab.binaries}/{name}"
        found = []

        def look():
            for number, _ in processes(self.lab.binaries, guards=False):
                try:
                    if os.readlink(f"/proc/{number}/exe") == path:
                        found.append(number)
                except OSError:
                    pass
            return found or self.over.is_set()

        wait_until(2, look, 0.003)
        return any([send(number, signal.SIGKILL) for number in found])

    def kill_watchdogs(self):
        return any([send(number, signal.SIGKILL) for number, _ in processes(self.lab.binaries, guards=True)])

    def stand_still(self, number, seconds):
        if not number or not send(number, signal.SIGSTOP):
            return False
        self.stopped.append(number)
        self.sleep(seconds)
        return send(number, signal.SIGCONT)

    def stop_agent(self, guest, seconds):
        """The agent stops itself, and is woken from within."""
        if not guest.has_agent:
            return False
        script = f"(sleep 0.1; killall -STOP qemu-ga; sleep {int(seconds) + 1}; killall -CONT qemu-ga) >/dev/null 2>&1 &"
        return guest.agent(
            '{"execute":"guest-exec","arguments":{"path":"/bin/sh","arg":["-c","%s"]}}' % script, 3).ok

    def fill(self, room):
        path = f"{self.lab.overlays}/filler"
        self.heals.append(lambda: os.path.exists(path) and os.remove(path))
        # Guests write meanwhile: what was free a moment ago may be less now.
        for less in (0, 1, 8, 64):
            free = os.statvfs(self.lab.overlays)
            size = free.f_bavail * free.f_frsize - (room + less * 1024) * 1024
            if size > 0 and run("fallocate", "-l", str(size), path).ok:
                return True
        return False

    def end_phase(self):
        """Kills that have not come by now have missed their hook."""
        self.over.set()

    def heal(self):
        self.over.set()
        for thread in self.threads:
            thread.join(20)
        for number in self.stopped:
            send(number, signal.SIGCONT)
        for heal in self.heals:
            heal()
        if not run("virsh", "-q", "list", limit=10).ok:
            number = self.lab.process("libvirtd")
            if number:
                send(number, signal.SIGKILL)
            self.lab.start_libvirtd()
