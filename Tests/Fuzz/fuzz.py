#!/usr/bin/env python3
"""Fuzzes the parsers and the release's decision with libFuzzer: make fuzz T=60 [TARGET=xml].

Runs every target T seconds, one a processor; with T=0 from a fixed seed, a fixed number of times: what CI finds, everybody
finds, and what is found at random breaks no build. Corpora grow in .build-fuzz/corpus, what was found is in
.build-fuzz/crashes. Exit code 1: something was found.
"""
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WORK = os.path.join(TOP, ".build-fuzz")
BINARY = os.path.join(WORK, "release", "stillpoint-fuzz")
# Bytes: longer inputs than the default find nothing that shorter ones do not, and are slow.
LONGEST = {"disk-finding": 64, "hook-input": 2048, "save-image": 16384, "qcow2": 16384, "archive": 16384}
FIXED_RUNS = 5000
LIMITS = ["-rss_limit_mb=512", "-timeout=5", "-detect_leaks=0", "-print_final_stats=1", "-use_value_profile=0"]


def environment(target, scratch):
    # Swift's own backtrace of a crash takes minutes with so much debug information; libFuzzer prints one too.
    return dict(
        os.environ, STILLPOINT_FUZZ_TARGET=target, STILLPOINT_FUZZ_SCRATCH=scratch, SWIFT_BACKTRACE="enable=no",
        SWIFT_DETERMINISTIC_HASHING="1",
        ASAN_OPTIONS="detect_leaks=0:quarantine_size_mb=16:allocator_may_return_null=1:handle_abort=0",
    )


def fuzz(target, seconds, scratch):
    corpus = os.path.join(WORK, "corpus" if seconds else "fixed-corpus", target)
    if not seconds:
        shutil.rmtree(corpus, ignore_errors=True)
    crashes = os.path.join(WORK, "crashes", target)
    log = os.path.join(WORK, "logs", target + ".log")
    for folder in (corpus, crashes, os.path.dirname(log)):
        os.makedirs(folder, exist_ok=True)
    seeds = os.path.join(TOP, "Tests", "Fuzz", "corpus", target)
    extent = [f"-max_total_time={seconds}"] if seconds else [f"-runs={FIXED_RUNS}", "-seed=1"]
    command = [BINARY, *extent, f"-max_len={LONGEST.get(target, 4096)}",
               f"-artifact_prefix={crashes}/", *LIMITS, corpus] + ([seeds] if os.path.isdir(seeds) else [])
    with open(log, "w") as output:
        try:
            # libFuzzer ends by itself; a target that hangs ends here.
            code = subprocess.run(
                command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                env=environment(target, scratch), timeout=seconds + 120).returncode
        except subprocess.TimeoutExpired:
            code = "timeout"
    with open(log, errors="replace") as output:
        text = output.read()

    def last(pattern):
        found = re.findall(pattern, text)
        return int(found[-1]) if found else 0

    executions = max(last(r"number_of_executed_units: (\d+)"), last(r"(?m)^#(\d+)\t"))
    message = re.search(r"(?:Fatal error: |SUMMARY: |ERROR: )(.*)", text)
    finding = "" if code == 0 else (message.group(1) if message else f"exit code {code}")
    return target, executions, executions // max(1, seconds), len(os.listdir(corpus)), finding, log


def main():
    seconds = int(sys.argv[1])
    known = subprocess.run(
        [BINARY], env=environment("list", "/"), stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    chosen = [name for name in sys.argv[2:] if name] or known
    unknown = set(chosen) - set(known)
    if unknown:
        sys.exit(f"there is no target {', '.join(sorted(unknown))}; there are: {' '.join(known)}")
    scratch = tempfile.mkdtemp(prefix="stillpoint-fuzz-", dir="/dev/shm")
    try:
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            results = list(pool.map(lambda target: fuzz(target, seconds, scratch), chosen))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print(f"{'target':18}{'executions':>12}{'a second':>10}{'corpus':>8}  finding")
    for target, executions, rate, corpus, finding, _ in results:
        print(f"{target:18}{executions:12}{rate:10}{corpus:8}  {finding[:300] or 'none'}")
    print(f"{'all':18}{sum(result[1] for result in results):12}")
    bad = [result for result in results if result[4] or result[1] == 0]
    for target, executions, _, _, finding, log in bad:
        print(f"{target}: {finding[:300] or 'nothing was run'}; see {log}; the input is in {WORK}/crashes/{target}")
    sys.exit(1 if bad else 0)


main()
