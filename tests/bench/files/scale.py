#!/usr/bin/python3
"""What a file costs as a directory grows, as the tree grows, and as mounts are added: flat, one hopes."""
import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time

import small_files
from measure import Failed, memory_of, run
from systems import LaceFs

SAMPLE = 2_000  # files that are created, looked at and listed for one figure


def per_second(count, action):
    start = time.monotonic()
    action()
    return count / (time.monotonic() - start)


def random_stats(paths, count):
    choice = random.Random(1)
    for _ in range(count):
        os.stat(paths(choice))


def row(kind, size, system, figures):
    pids = system.pids()
    memory = {"client_mib": memory_of(pids["client"]), "servers_mib": memory_of(pids["server"])}
    found = {"kind": kind, "size": size, **figures, **memory}
    print("  ".join("%s %s" % (key, "%.0f" % value if isinstance(value, float) else value) for key, value in found.items()),
          file=sys.stderr, flush=True)
    return found


def steps(most):
    size = 10_000
    while size < most:
        yield size
        size *= 10
    yield most


def directory_grows(system, most):
    top = os.path.join(system.mount_point, "directory")
    os.mkdir(top)
    name, there = (lambda number: os.path.join(top, "file.%08d" % number)), 0
    for size in steps(most):
        for number in range(there, size - SAMPLE):
            os.close(os.open(name(number), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))

        def create(first=size - SAMPLE):
            for number in range(first, first + SAMPLE):
                os.close(os.open(name(number), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))

        created = per_second(SAMPLE, create)
        os.sync()
        system.remount()
        stats = per_second(SAMPLE, lambda: random_stats(lambda choice: name(choice.randrange(size)), SAMPLE))
        listed = per_second(size, lambda: sum(1 for _ in os.scandir(top)))
        there = size
        yield row("entries in one directory", size, system, {"create_per_s": created, "stat_cold_per_s": stats, "list_per_s": listed})


def tree_grows(system, most):
    top = os.path.join(system.mount_point, "tree")
    os.mkdir(top)
    per_directory, there = 1_000, 0
    directory = lambda number: os.path.join(top, "directory.%06d" % number)
    for size in steps(most):
        count = size // per_directory
        for number in range(there, count - 2):
            small_files.fill(directory(number), per_directory, b"")
        created = per_second(SAMPLE, lambda: [small_files.fill(directory(number), per_directory, b"") for number in (count - 2, count - 1)])
        os.sync()
        system.remount()
        path = lambda choice: os.path.join(directory(choice.randrange(count)), "file.%06d" % choice.randrange(per_directory))
        stats = per_second(SAMPLE, lambda: random_stats(path, SAMPLE))
        there = count
        yield row("files in the tree", size, system, {"create_per_s": created, "stat_cold_per_s": stats})


def mounts_grow(system, most):
    control = "ipc://" + os.path.join(system.data(), "run", "control-1.sock")
    mounts, count = [system.mount_point], 1
    try:
        while count <= most:
            while len(mounts) < count:
                mount_point = os.path.join(system.top, "mnt.%d" % len(mounts))
                os.mkdir(mount_point)
                run([LaceFs.program, "mount", "--control", control, mount_point])
                mounts.append(mount_point)
            tops = [os.path.join(mount, "mounts.%d.%d" % (count, place)) for place, mount in enumerate(mounts)]
            rate = per_second(SAMPLE * count, lambda: at_once(tops))
            yield row("mounts", count, system, {"create_per_s": rate, "each_per_s": rate / count})
            count *= 2
    finally:
        for mount_point in mounts[1:]:
            run([LaceFs.program, "unmount", mount_point])


def at_once(tops):
    children = []
    for top in tops:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                small_files.fill(top, SAMPLE, os.urandom(4096))
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    if any([os.waitpid(child, 0)[1] for child in children]):
        raise Failed("a mount could not create its files")


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench scale", description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000, help="of one directory (default %(default)s; 0: not)")
    parser.add_argument("--files", type=int, default=1_000_000, help="of a tree (default %(default)s; 0: not)")
    parser.add_argument("--mounts", type=int, default=8, help="that write 4 KiB files beside each other, each in a directory of its own "
                        "(default %(default)s; 0: not)")
    parser.add_argument("--scratch", help="where everything is kept while measuring (default: a new directory in TMPDIR or /tmp)")
    parser.add_argument("--json", metavar="FILE", help="write the results there; - is standard output")
    parser.add_argument("--lace", default=shutil.which("lace"), help="the lace program (default: the one just built)")
    options = parser.parse_args()
    LaceFs.program = options.lace
    scratch, rows = tempfile.mkdtemp(prefix="lace-bench.", dir=options.scratch), []
    try:
        for part, most in ((directory_grows, options.entries), (tree_grows, options.files), (mounts_grow, options.mounts)):
            if not most:
                continue
            system = LaceFs(scratch)
            try:
                system.start()
                rows += part(system, most)
            finally:
                system.stop()
    except (Failed, OSError) as error:
        sys.exit("bench: %s" % error)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if options.json == "-":
        print(json.dumps(rows, indent=1))
    elif options.json:
        with open(options.json, "w") as file:
            json.dump(rows, file, indent=1)


if __name__ == "__main__":
    main()
