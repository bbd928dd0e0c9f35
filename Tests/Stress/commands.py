"""Commands that always come back: each has a limit in seconds, output is written to files, and what cannot be killed is left behind."""
import os
import queue
import signal
import subprocess
import tempfile
import threading
import time

TIMED_OUT = 124
# SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV: nobody sends these; the program has tripped over itself.
CRASHED = {128 + number for number in (4, 5, 6, 7, 8, 11)}


class Result:
    def __init__(self, status, text):
        self.status = status  # 128 + signal where one ended it, 124 after the limit
        self.text = text

    @property
    def ok(self):
        return self.status == 0

    @property
    def last(self):
        lines = self.text.strip().splitlines()
        return lines[-1] if lines else ""


def end(process):
    """Kills a process and its session; waits a moment for it, no longer."""
    for kill in (lambda: os.killpg(process.pid, signal.SIGKILL), process.kill):
        try:
            kill()
        except (OSError, ProcessLookupError):
            pass
    try:
        process.wait(3)
    except subprocess.TimeoutExpired:
        pass


def run(*command, limit=30, env=None):
    """Standard output and standard error together: what was started may hold a pipe open for ever, a file hurts nobody."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=env,
            start_new_session=True)
        try:
            status = process.wait(limit)
        except subprocess.TimeoutExpired:
            end(process)
            status = TIMED_OUT
        output.seek(0)
        text = output.read().decode(errors="replace")
    return Result(status if status >= 0 else 128 - status, text)


class Manager:
    """A process that calls hooks, under the name that Stillpoint's watchdog knows a snapshot manager by."""

    SCRIPT = """
    [ -z "$1" ] || printf %s "$1" >/proc/self/comm
    while IFS= read -r call; do
        eval "exec $call" </dev/null >>"$2" 2>&1 &
        wait $!
        echo $?
    done
    """

    def __init__(self, name, log, env):
        self.log = log
        self.process = subprocess.Popen(
            ["bash", "-c", self.SCRIPT, "manager", name, log], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, env=env, text=True, start_new_session=True)
        self.answers = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.answers.put(int(line))
        self.answers.put(None)

    def call(self, command, limit):
        """The exit status, None where the manager died, 124 after the limit (the hook lives on)."""
        try:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
            return self.answers.get(timeout=limit)
        except BrokenPipeError:
            return None
        except queue.Empty:
            return TIMED_OUT

    def kill(self):
        """Itself alone."""
        self.process.kill()

    def close(self):
        try:
            self.process.stdin.close()
        except OSError:
            pass
        try:
            self.process.wait(2)
        except subprocess.TimeoutExpired:
            self.process.kill()


def processes(folder, *, guards=None, words=()):
    """Process numbers of programs in a folder: all, only watchdogs, or none of them; with these words in their call."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            if os.path.dirname(os.readlink(f"/proc/{entry}/exe").removesuffix(" (deleted)")) != folder:
                continue
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                line = file.read().replace(b"\0", b" ").decode(errors="replace")
            with open(f"/proc/{entry}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    continue
        except OSError:
            continue
        is_guard = line.startswith("stillpoint-watchdog")
        if (guards is None or guards == is_guard) and all(word in line for word in words):
            found.append((int(entry), line.strip()))
    return found


def send(number, what):
    try:
        os.kill(number, what)
        return True
    except OSError:
        return False


def wait_until(limit, condition, pause=0.1):
    stop = time.monotonic() + limit
    while True:
        if condition():
            return True
        if time.monotonic() >= stop:
            return False
        time.sleep(pause)
