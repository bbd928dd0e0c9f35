#!/usr/bin/env python3
"""Has a real shell complete a line: complete.py SHELL SCRIPT LINE.; prints what its terminal shows.

SCRIPT is what packaging/completions wrote for SHELL (bash, zsh, fish). The shell reads no configuration of the user's. What is
typed behind the tabulator says when the shell is done with it, so nothing is waited for but the shell.
"""
import fcntl
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import struct
import sys
import tempfile
import termios
import time

LIMIT = 40
# What makes each read nothing of a user's, list all there is, and show the prompt PROMPT42: the sum, as the line itself may be
# shown, too. It stands where the shell reads the next line by its own editor.
SHELLS = {
    "bash": (
        ["bash", "--norc", "--noprofile", "-i"],
        [
            "source '{script}'", "bind 'set show-all-if-ambiguous on'", "bind 'set completion-query-items 0'",
            "bind 'set page-completions off'", "bind 'set bell-style none'", "bind 'set enable-bracketed-paste off'",
            "PS1=PROMPT$((40 + 2))",
        ],
        "echo DONE$((40 + 2))",
    ),
    "zsh": (
        ["zsh", "-f", "-i"],
        [
            "setopt no_beep auto_list no_list_ambiguous no_prompt_sp", "LISTMAX=10000", "unset zle_bracketed_paste",
            "fpath=('{folder}' $fpath)", "autoload -Uz compinit", "compinit -u -D", "PS1=PROMPT$((40 + 2))",
        ],
        "echo DONE$((40 + 2))",
    ),
    "fish": (
        ["fish", "--no-config", "-i"],
        [
            "set -g fish_greeting", "set -g fish_autosuggestion_enabled 0", "source '{script}'",
            "function fish_prompt; echo -n PROMPT(math 40 + 2); end",
        ],
        "echo DONE(math 40 + 2)",
    ),
}


def read_until(terminal, mark, end):
    """What the terminal shows until the mark stands in it."""
    text = b""
    while mark not in text:
        if not select.select([terminal], [], [], max(0, end - time.monotonic()))[0]:
            sys.exit(f"the shell has shown no {mark} in {LIMIT} s: {text.decode(errors='replace')}")
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            piece = b""
        if not piece:
            sys.exit(f"the shell has ended: {text.decode(errors='replace')}")
        text += piece
    return text


def main():
    shell, script, line = sys.argv[1:]
    # A shell that calls this takes blanks at an end away, so there is a full stop behind them.
    line = line.removesuffix(".")
    arguments, settings, done = SHELLS[shell]
    with tempfile.TemporaryDirectory() as home:
        # zsh finds it by its name.
        shutil.copy(script, pathlib.Path(home) / "_stillpoint")
        settings = [setting.replace("{script}", script).replace("{folder}", home) for setting in settings]
        environment = {
            "PATH": os.environ["PATH"], "HOME": home, "TERM": "xterm", "LC_ALL": "C.UTF-8", "STILLPOINT_CONFIG":
            os.environ.get("STILLPOINT_CONFIG", "/nothing"),
        }
        child, terminal = pty.fork()
        if child == 0:
            os.execvpe(arguments[0], arguments, environment)
        end = time.monotonic() + LIMIT
        try:
            fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 100, 200, 0, 0))
            os.write(terminal, ("; ".join(settings) + "\n").encode())
            read_until(terminal, b"PROMPT42", end)
            # Control-U: nothing of the line is carried out.
            os.write(terminal, line.encode() + b"\t\x15" + done.encode() + b"\n")
            shown = read_until(terminal, b"DONE42", end)
        finally:
            os.kill(child, signal.SIGKILL)
            os.close(terminal)
            os.waitpid(child, 0)
    print(re.sub(r"\x1b[\[(][0-9;?]*[A-Za-z]|\x1b.|[\x07\x08\r\x0f]", " ", shown.decode(errors="replace")))


if __name__ == "__main__":
    main()
