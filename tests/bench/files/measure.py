"""Time and CPU of one thing that is done, and what fio says."""
import json
import os
import subprocess
import time

TICKS = os.sysconf("SC_CLK_TCK")


class Failed(Exception):
    """A command of a workload failed; the text says which and what it said."""


class Sample:
    """Seconds of wall clock, and CPU seconds by role: client, server, command, other (everything else on the machine)."""

    def __init__(self, seconds, cpu, output=""):
        self.seconds = seconds
        self.cpu = cpu
        self.output = output


def cpu_of(pids):
    ticks = 0
    for pid in pids:
        try:
            with open("/proc/%d/stat" % pid) as stat:
                fields = stat.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS


def cpu_of_machine():
    with open("/proc/stat") as stat:
        fields = [int(field) for field in stat.readline().split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICKS


def memory_of(pids):
    """Resident memory in MiB."""
    kib = 0
    for pid in pids:
        try:
            with open("/proc/%d/status" % pid) as status:
                kib += next((int(line.split()[1]) for line in status if line.startswith("VmRSS:")), 0)
        except OSError:
            continue
    return kib / 1024


def timed(system, action):
    """Calls `action`, and says what it took. What it returns is the sample's output."""
    pids = system.pids()
    own, machine = sum(os.times()[:4]), cpu_of_machine()
    before = {role: cpu_of(pids[role]) for role in ("client", "server")}
    start = time.monotonic()
    output = action()
    seconds = time.monotonic() - start
    cpu = {role: cpu_of(pids[role]) - before[role] for role in ("client", "server")}
    cpu["command"] = sum(os.times()[:4]) - own
    cpu["other"] = max(0.0, cpu_of_machine() - machine - sum(cpu.values()))
    return Sample(seconds, cpu, output)


def run(command, timeout=600, good=(0,), **more):
    """Standard output of a command that must end with one of the `good` codes."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                              timeout=timeout, **more)
    except subprocess.TimeoutExpired:
        raise Failed("%s: not done after %d s" % (" ".join(command), timeout))
    if done.returncode not in good:
        raise Failed("%s: exit code %d: %s" % (" ".join(command), done.returncode, done.stderr.strip()[-300:]))
    return done.stdout


def fio(system, *flags):
    """One fio job; answers a Sample, MB/s and I/O operations per second. Its own run time counts, not its start."""
    command = ["fio", "--output-format=json", "--fallocate=none", "--ioengine=psync", "--group_reporting", "--name=job", *flags]
    sample = timed(system, lambda: run(command))
    job = json.loads(sample.output[sample.output.index("{"):])["jobs"][0]
    side = max((job["read"], job["write"]), key=lambda one: one["io_bytes"])
    sample.seconds = side["runtime"] / 1000
    if not sample.seconds:
        raise Failed("fio did nothing: %s" % " ".join(flags))
    return sample, side["io_bytes"] / sample.seconds / 1e6, side["total_ios"] / sample.seconds
