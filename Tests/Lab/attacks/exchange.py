#!/usr/bin/python3
"""exchange.py FOLDER NAME TARGET ROUNDS: exchanges NAME in FOLDER for a link to TARGET, and for a folder of the caller's own
that holds links, so many times; prints the rounds that were done."""
import ctypes
import os
import sys

folder, name, target, rounds = sys.argv[1:]
os.chdir(folder)
libc = ctypes.CDLL(None, use_errno=True)
EXCHANGE, HERE = 2, -100


def move(one, other):
    try:
        os.rename(one, other)
    except OSError:
        # Root has made a folder in the gap, or has taken one away.
        pass


def exchange(one, other, aside):
    if libc.renameat2(HERE, one.encode(), HERE, other.encode(), EXCHANGE) != 0:
        # zfs-fuse knows no exchange: three steps, with an instant in which nothing is there.
        move(one, aside)
        move(other, one)
        move(aside, other)


os.symlink(target, "link")
os.mkdir("own")
for entry in ("files", "machine.json", "definition.xml", "seal"):
    os.symlink(target + "/" + entry, "own/" + entry)
done = 0
for number in range(int(rounds)):
    bait = ("link", "own")[number % 2]
    exchange(name, bait, f"aside{number}")
    exchange(name, bait, f"aside{number}")
    done += 1
print(done)
