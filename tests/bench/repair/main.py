#!/usr/bin/env python3
"""scripts/bench repair [--mib N] [--storages N] [--json]

What a server costs that was away. On a cluster of its own:
  1. writes a file of N MiB (512), kills storage-2, changes 768 single pages, starts storage-2: bytes and seconds until whole
  2. how fast a client writes and reads undisturbed, and how fast while storage-2 gets back a file that was written anew
"""
import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PAGE = 4096
CHANGED_PAGES = 768


def run(*command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit("bench: %s failed: %s" % (" ".join(command), done.stderr.strip() or done.stdout.strip()))
    return done.stdout


class Cluster:
    def __init__(self, storages):
        self.top = tempfile.mkdtemp(prefix="lace-bench-")
        self.data, self.mount = os.path.join(self.top, "data"), os.path.join(self.top, "mnt")
        self.storages = storages
        os.mkdir(self.mount)
        self.up()

    def up(self):
        run("lace", "up", "--data", self.data, "--storages", str(self.storages), "--copies", "2", self.mount)

    def down(self):
        subprocess.run(["lace", "down", "--data", self.data], stdin=subprocess.DEVNULL, capture_output=True)
        shutil.rmtree(self.top, ignore_errors=True)

    def kill(self, server):
        with open(os.path.join(self.data, "run", server + ".pid")) as file:
            os.kill(int(file.read()), signal.SIGKILL)

    def status(self):
        return json.loads(run("lace", "status", "--data", self.data, "--json"))

    def received(self):
        return sum(server["hole_copy_received_bytes"] for server in self.status()["servers"])

    def healthy(self):
        status = self.status()
        return status["health"] == "healthy" and not any(server["missing_bytes"] for server in status["servers"])

    def wait_healthy(self, limit=600):
        end = time.monotonic() + limit
        while not self.healthy():
            if time.monotonic() > end:
                sys.exit("bench: not healthy after %d s" % limit)
            time.sleep(0.05)


def write_file(path, mib):
    """Seconds for so many MiB that can't be compressed, synced."""
    chunk = os.urandom(1 << 20)
    begun = time.monotonic()
    file = os.open(path, os.O_CREAT | os.O_WRONLY)
    for number in range(mib):
        os.pwrite(file, number.to_bytes(8, "little") + chunk[8:], number << 20)
    os.fsync(file)
    os.close(file)
    return time.monotonic() - begun


def read_file(path, mib):
    file = os.open(path, os.O_RDONLY)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    begun = time.monotonic()
    for number in range(mib):
        os.pread(file, 1 << 20, number << 20)
    took = time.monotonic() - begun
    os.close(file)
    return took


def change_pages(path):
    file = os.open(path, os.O_RDWR)
    for page in random.Random(3).sample(range(os.fstat(file).st_size // PAGE), CHANGED_PAGES):
        os.pwrite(file, os.urandom(PAGE), page * PAGE)
    os.fsync(file)
    os.close(file)


def client_rate(cluster, while_true, least_rounds):
    """MiB/s of writing and of reading, one after the other, in rounds of 32 MiB; and how many rounds that were."""
    path = os.path.join(cluster.mount, "client")
    written = read = rounds = 0
    while rounds < least_rounds or (while_true() and rounds < 200):
        written += write_file(path, 32)
        read += read_file(path, 32)
        rounds += 1
    return 32 * rounds / written, 32 * rounds / read, rounds


def measure(cluster, mib):
    figures = {"file_mib": mib, "storages": cluster.storages}
    path = os.path.join(cluster.mount, "file")
    write_file(path, mib)
    cluster.wait_healthy()

    before = cluster.received()
    cluster.kill("storage-2")
    change_pages(path)
    begun = time.monotonic()
    cluster.up()
    cluster.wait_healthy()
    figures["changed_bytes"] = CHANGED_PAGES * PAGE
    figures["refill_bytes"] = cluster.received() - before
    figures["refill_seconds"] = round(time.monotonic() - begun, 2)

    client_rate(cluster, lambda: False, 2)  # warms up
    write_rate, read_rate, _ = client_rate(cluster, lambda: False, 6)
    cluster.kill("storage-2")
    write_file(path, mib)
    before = cluster.received()
    begun = time.monotonic()
    cluster.up()
    write_repair, read_repair, rounds = client_rate(cluster, lambda: not cluster.healthy(), 1)
    cluster.wait_healthy()
    took = time.monotonic() - begun
    figures.update({
        "undisturbed_write_mib_s": round(write_rate), "undisturbed_read_mib_s": round(read_rate),
        "repair_write_mib_s": round(write_repair), "repair_read_mib_s": round(read_repair),
        "repair_rounds": rounds,
        "write_kept_percent": round(100 * write_repair / write_rate),
        "read_kept_percent": round(100 * read_repair / read_rate),
        "repair_bytes": cluster.received() - before, "repair_seconds": round(took, 2),
    })
    return figures


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench repair", description=__doc__.split("\n\n", 1)[1],
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mib", type=int, default=512, help="size of the file (512)")
    parser.add_argument("--storages", type=int, default=3, help="storage servers (3)")
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")
    flags = parser.parse_args()
    cluster = Cluster(flags.storages)
    try:
        figures = measure(cluster, flags.mib)
    finally:
        cluster.down()
    if flags.json:
        print(json.dumps(figures, indent=2))
        return
    for name, value in figures.items():
        print("%-26s %s" % (name.replace("_", " "), format(value, ",")))


if __name__ == "__main__":
    main()
