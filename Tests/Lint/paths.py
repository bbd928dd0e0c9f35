#!/usr/bin/env python3
"""Finds calls that take a path, in Sources, other than those that paths.txt lists with a reason.

Between a check by path and an act by path somebody who may write to a folder on the way can put something else there. What
lies where others may write is reached by Folder (Sources/Support), which holds descriptors; `make lint` calls this.
"""
import pathlib
import re
import sys

CALLS = """unlink rename lchown chown chmod mkdir rmdir realpath stat lstat open opendir access truncate link symlink
readlink statvfs statfs creat mkfifo mknod utimes utime fopen freopen mkstemp mkdtemp scandir nftw setxattr lsetxattr getxattr
lgetxattr chdir chroot mount umount execv execve execvp euidaccess""".split()
# A function of Glibc's is called by its name alone, or after `Glibc.`; a method of ours after another name and a dot.
CALL = re.compile(r"(?<![\w.`])(?:Glibc\.)?(%s)\((?!\))" % "|".join(CALLS))
# Functions of ours that take a path and follow links in it, and what names no folder.
OURS = re.compile(
    r"(FileDescriptor\.open|FileAccess\.(?:read|realPath|linkText|names|status|linkStatus|isFolder)|AT_FDCWD|Glibc\.remove)\b"
    r"|(?<![\w.])(Folder|fileExists)\((?!reaching:|descriptor:|path:|$|\))"
)
# Declarations, and methods of ours that are called without `self.`.
NONE = re.compile(r"func [\w`]+\(|(?<![\w.])(?:stat|statvfs|statfs)\(\)|\b(?:open\(until:|rename\(&)")


def code(line):
    """Without its comment and texts."""
    line = re.sub(r'"(?:\\.|[^"\\])*"', '""', line)
    return re.sub(r"//.*|^\s*\*.*|/\*.*", "", line)


def calls(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        text = NONE.sub("", code(line))
        for match in list(CALL.finditer(text)) + list(OURS.finditer(text)):
            yield number, next(group for group in match.groups() if group)


def listed(path):
    """{file: {call: number of times}}, of lines `FILE: CALL CALL*3: reason`."""
    allowed = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        parts = [part.strip() for part in line.split(": ", 2)]
        if len(parts) != 3 or len(parts[2].split()) < 3:
            sys.exit(f"{path}:{number}: write FILE: CALL CALL*2: the reason")
        for call in parts[1].split():
            name, _, times = call.partition("*")
            allowed.setdefault(parts[0], {})[name] = int(times or 1)
    return allowed


def main():
    here = pathlib.Path(__file__).parent
    top = here.parent.parent
    allowed = listed(here / "paths.txt")
    found, problems = {}, []
    for path in sorted((top / "Sources").rglob("*.swift")):
        name = str(path.relative_to(top / "Sources"))
        for number, call in calls(path):
            found.setdefault(name, {}).setdefault(call, []).append(number)
    for name in sorted(set(found) | set(allowed)):
        for call in sorted(set(found.get(name, {})) | set(allowed.get(name, {}))):
            lines, most = found.get(name, {}).get(call, []), allowed.get(name, {}).get(call, 0)
            if len(lines) > most:
                problems.append(f"Sources/{name}:{lines[-1]}: {call} by path ({len(lines)} times, listed {most})")
            elif len(lines) < most:
                problems.append(f"Tests/Lint/paths.txt: {name} calls {call} {len(lines)} times, listed {most}")
    if "--list" in sys.argv:
        for name, by_call in sorted(found.items()):
            words = " ".join(c if len(n) == 1 else f"{c}*{len(n)}" for c, n in sorted(by_call.items()))
            print(f"{name}: {words}: ")
        return
    if problems:
        print("\n".join(problems))
        sys.exit("use Folder (Sources/Support/Files/Folder.swift), or say in Tests/Lint/paths.txt why others cannot write there")


main()
