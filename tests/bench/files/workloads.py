"""What is done on a mounted file system. A workload is a function over a Bench; it yields (metric, value, sample or None)."""
import os
import shutil
import sqlite3

import small_files
from measure import Failed, fio, memory_of, run, timed

GIB, MIB = 1 << 30, 1 << 20
FSYNCS = ["--rw=randwrite", "--bs=4k", "--size=256M"]


class Metric:
    def __init__(self, name, unit, title, more_is_better):
        self.name, self.unit, self.title, self.more_is_better = name, unit, title, more_is_better


METRICS = {metric.name: metric for metric in (
    Metric("untar", "s", "untar, with sync", False),
    Metric("rsync_in", "s", "rsync -a in", False),
    Metric("rsync_again_warm", "s", "rsync -a again, warm", False),
    Metric("rsync_again_cold", "s", "rsync -a again, cold", False),
    Metric("find_cold", "s", "find, cold", False),
    Metric("find_warm", "s", "find, warm", False),
    Metric("grep_cold", "s", "grep -r, cold", False),
    Metric("grep_warm", "s", "grep -r, warm", False),
    Metric("rm_rf", "s", "rm -rf", False),
    Metric("create", "files/s", "create, one process", True),
    Metric("stat_warm", "files/s", "stat, warm", True),
    Metric("stat_cold", "files/s", "stat, cold", True),
    Metric("unlink", "files/s", "unlink", True),
    Metric("create_parallel", "files/s", "8 processes, files of 16 KiB", True),
    Metric("git_clone", "s", "git clone", False),
    Metric("git_status_cold", "s", "git status, cold", False),
    Metric("git_status_warm", "s", "git status, warm", False),
    Metric("write", "MB/s", "write 1 GiB, with fsync", True),
    Metric("read_cold", "MB/s", "read 1 GiB, cold", True),
    Metric("read_warm", "MB/s", "read 1 GiB, warm", True),
    Metric("random_read_1", "IOPS", "random reads of 4 KiB, cold, 1 job", True),
    Metric("random_read_8", "IOPS", "random reads of 4 KiB, cold, 8 jobs", True),
    Metric("random_write_fsync", "IOPS", "random writes of 4 KiB, fsync each", True),
    Metric("random_write", "IOPS", "random writes of 4 KiB, fsync at the end", True),
    Metric("sqlite", "tx/s", "sqlite, one insert a transaction", True),
    Metric("sparse_cp", "s", "cp of a sparse file of 10 GiB", False),
    Metric("sparse_shown", "KiB", "what du shows of the copy", False),
    Metric("tree_space", "MiB", "servers' space for the tree", False),
    Metric("memory_client", "MiB", "memory of the client", False),
    Metric("memory_servers", "MiB", "memory of all servers", False),
)}


class Bench:
    """One system while it is measured, and the directory in it that the workloads use."""

    def __init__(self, system, material):
        self.system, self.material = system, material
        self.top = os.path.join(system.mount_point, "bench")
        os.makedirs(self.top, exist_ok=True)

    def path(self, name):
        return os.path.join(self.top, name)

    def fresh(self, name):
        shutil.rmtree(self.path(name), ignore_errors=True)
        os.mkdir(self.path(name))
        return self.path(name)

    def timed(self, *command, good=(0,)):
        return timed(self.system, lambda: run(list(command), good=good))

    def settle(self):
        """Nothing dirty is left of what came before, and no inode of it is remembered."""
        os.sync()
        drop_caches(2)

    def cold(self):
        self.system.remount()
        os.sync()
        drop_caches(3)
        for tool in ("fio", "find", "grep", "rsync", "git"):  # the tools are not what is measured
            run([tool, "--version"])

    def tree(self):
        path = self.path("tree")
        if not os.path.exists(path):
            run(["rsync", "-a", self.material.tree, self.top + "/"])
        return path

    def big_file(self, size, name):
        path = self.path(name)
        if not os.path.exists(path) or os.stat(path).st_size != size:
            run(["dd", "if=/dev/urandom", "of=" + path, "bs=1M", "count=%d" % (size // MIB), "conv=fsync"])
        return path

    def used_mib(self):
        os.sync()
        return sum(int(line.split()[0]) for line in run(["du", "-skl", *self.system.backing()]).splitlines()) / 1024


def drop_caches(what):
    try:
        with open("/proc/sys/vm/drop_caches", "w") as file:
            file.write("%d\n" % what)
    except PermissionError:
        raise Failed("must be root, to drop the caches of the kernel")


# ---------------------------------------------------------------- trees of small files


def untar(bench):
    top = bench.fresh("untar")
    bench.settle()
    bench.material.warm()
    sample = bench.timed("sh", "-c", 'tar -xf "$0" -C "$1" && sync -f "$1"', bench.material.tar, top)
    yield "untar", sample.seconds, sample
    shutil.rmtree(top)


def rsync(bench):
    shutil.rmtree(bench.path("tree"), ignore_errors=True)
    used = bench.used_mib()
    bench.settle()
    bench.material.warm()
    copy = ["rsync", "-a", bench.material.tree, bench.top + "/"]
    sample = bench.timed(*copy)
    yield "rsync_in", sample.seconds, sample
    yield "tree_space", bench.used_mib() - used, None
    run(copy + ["-n"])
    sample = bench.timed(*copy)
    yield "rsync_again_warm", sample.seconds, sample
    bench.cold()
    bench.material.warm()
    sample = bench.timed(*copy)
    yield "rsync_again_cold", sample.seconds, sample


def walk(bench):
    tree = bench.tree()
    for metric, command in (("find", ["find", tree, "-printf", "%s\n"]), ("grep", ["grep", "-rF", "nilfs_sufile_set_suinfo", tree])):
        bench.cold()
        for temperature in ("cold", "warm"):
            sample = bench.timed(*command, good=(0, 1))
            yield metric + "_" + temperature, sample.seconds, sample


def remove(bench):
    tree = bench.tree()
    os.sync()
    sample = bench.timed("rm", "-rf", tree)
    yield "rm_rf", sample.seconds, sample


def git(bench):
    clone = bench.path("clone")
    shutil.rmtree(clone, ignore_errors=True)
    bench.settle()
    bench.material.warm()
    sample = bench.timed("git", "clone", "-q", "--no-hardlinks", bench.material.repository, clone)
    yield "git_clone", sample.seconds, sample
    bench.cold()
    for temperature in ("cold", "warm"):
        sample = bench.timed("git", "-C", clone, "status", "--porcelain")
        yield "git_status_" + temperature, sample.seconds, sample
    shutil.rmtree(clone)


def one_by_one(bench):
    top, count = bench.fresh("files"), 5_000
    bench.settle()
    for metric, action in (("create", small_files.create), ("stat_warm", small_files.stat), ("stat_cold", small_files.stat),
                           ("unlink", small_files.unlink)):
        if metric == "stat_cold":
            bench.cold()
        sample = timed(bench.system, lambda: action(top, count))
        yield metric, count / sample.seconds, sample


def in_parallel(bench):
    top = bench.fresh("parallel")
    bench.settle()
    sample = timed(bench.system, lambda: small_files.create_in_parallel(top, processes=8, files=500, size=16_384))
    yield "create_parallel", 8 * 500 / sample.seconds, sample
    shutil.rmtree(top)


# ---------------------------------------------------------------- large files


def write(bench):
    path = bench.path("big")
    if os.path.exists(path):
        os.remove(path)
    bench.settle()
    sample, rate, _ = fio(bench.system, "--rw=write", "--bs=1M", "--size=1G", "--filename=" + path, "--end_fsync=1")
    yield "write", rate, sample


def read(bench):
    path = bench.big_file(GIB, "big")
    bench.cold()
    flags = ["--rw=read", "--bs=1M", "--size=1G", "--filename=" + path, "--readonly"]
    sample, rate, _ = fio(bench.system, *flags)
    yield "read_cold", rate, sample
    sample, rate, _ = fio(bench.system, *flags, "--invalidate=0")
    yield "read_warm", rate, sample


def random_read(bench):
    path = bench.big_file(GIB, "big")
    for jobs in (1, 8):
        bench.cold()
        sample, _, operations = fio(bench.system, "--rw=randread", "--bs=4k", "--size=1G", "--filename=" + path, "--readonly",
                                    "--invalidate=1", "--runtime=8", "--time_based", "--numjobs=%d" % jobs)
        yield "random_read_%d" % jobs, operations, sample


def random_write(bench):
    path = bench.big_file(256 * MIB, "random")
    for metric, flags in (("random_write_fsync", ["--fsync=1", "--runtime=8", "--time_based"]), ("random_write", ["--end_fsync=1"])):
        bench.settle()
        sample, _, operations = fio(bench.system, *FSYNCS, "--filename=" + path, *flags)
        yield metric, operations, sample


def sqlite(bench):
    top, count = bench.fresh("sqlite"), 300
    database = sqlite3.connect(os.path.join(top, "db"), isolation_level=None)
    database.execute("PRAGMA journal_mode=DELETE")
    database.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, k TEXT, v BLOB)")

    def insert():
        for number in range(count):
            database.execute("INSERT INTO t(k, v) VALUES(?, randomblob(200))", ("key%06d" % number,))

    bench.settle()
    sample = timed(bench.system, insert)
    database.close()
    yield "sqlite", count / sample.seconds, sample


def sparse(bench):
    top = bench.fresh("sparse")
    source, copy = os.path.join(top, "a"), os.path.join(top, "b")
    with open(source, "wb") as file:
        file.truncate(10 * GIB)
        for island in range(100):
            os.pwrite(file.fileno(), os.urandom(4096), island * (10 * GIB // 100 // 4096 * 4096))
        os.fsync(file.fileno())
    sample = bench.timed("cp", "--sparse=always", source, copy)
    yield "sparse_cp", sample.seconds, sample
    with open(copy, "rb") as file:
        os.fsync(file.fileno())
    yield "sparse_shown", os.stat(copy).st_blocks / 2, None
    shutil.rmtree(top)


def memory(bench):
    pids = bench.system.pids()
    yield "memory_client", memory_of(pids["client"]), None
    yield "memory_servers", memory_of(pids["server"]), None


WORKLOADS = {workload.__name__: workload for workload in (
    write, read, random_read, random_write, untar, rsync, walk, remove, git, one_by_one, in_parallel, sqlite, sparse, memory)}
