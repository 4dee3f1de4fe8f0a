"""What is measured: LaceFS, and others beside it. Each in a directory of its own, with nothing listening beyond this machine."""
import os
import shutil
import subprocess
import time

from measure import Failed, run


def quietly(command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode


def read_pid(path):
    try:
        with open(path) as file:
            digits = "".join(filter(str.isdigit, file.read()))
        return [int(digits)] if digits else []
    except OSError:
        return []


def wait_until(true, seconds, what):
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise Failed("%s: not after %d s" % (what, seconds))
        time.sleep(0.05)


class System:
    """A mounted file system. `top` is a directory of its own on the machine's disk, `mount_point` where it is mounted."""

    name = ""

    def __init__(self, top):
        self.top = os.path.join(top, self.name)
        self.mount_point = os.path.join(self.top, "mnt")

    def missing(self):
        """Why it can't be measured here; empty: it can."""
        return ""

    def start(self):
        os.makedirs(self.mount_point)

    def remount(self):
        """After that the client knows nothing of what was done before."""

    def pids(self):
        return {"client": [], "server": []}

    def backing(self):
        """Directories in which the bytes are."""
        return [self.mount_point]

    def version(self):
        return os.uname().release

    def stop(self):
        shutil.rmtree(self.top, ignore_errors=True)


class Ext4(System):
    """A plain directory: what the disk and the kernel give. (Whatever file system the scratch directory is on.)"""

    name = "ext4"


class LaceFs(System):
    """One control server, three storage servers, two copies; `lace up`."""

    name = "lacefs"
    program = "lace"

    def data(self):
        return os.path.join(self.top, "data")

    def start(self):
        super().start()
        self.up()

    def up(self):
        run([self.program, "up", "--data", self.data(), "--storages", "3", "--copies", "2", self.mount_point])

    def remount(self):
        run([self.program, "unmount", self.mount_point])
        self.up()

    def pids(self):
        found = {"client": [], "server": []}
        directory = os.path.join(self.data(), "run")
        for name in os.listdir(directory):
            if name.endswith(".pid"):
                found["client" if name.startswith("mount") else "server"] += read_pid(os.path.join(directory, name))
        return found

    def backing(self):
        return [self.data()]

    def version(self):
        return run([self.program, "--version"]).strip()

    def stop(self):
        quietly([self.program, "down", "--data", self.data()])
        super().stop()


class Passthrough(System):
    """libfuse's example `passthrough_ll` over a plain directory: what FUSE costs a program that does nothing itself."""

    name = "passthrough"

    def missing(self):
        return "" if shutil.which("passthrough_ll") else "there is no passthrough_ll in PATH (an example of libfuse)"

    def source(self):
        return os.path.join(self.top, "source")

    def start(self):
        super().start()
        os.makedirs(self.source())
        self.mount()

    def mount(self):
        log = open(os.path.join(self.top, "log"), "ab")
        command = ["passthrough_ll", "-f", "-o", "cache=auto,source=" + self.source(), self.mount_point]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(lambda: os.path.ismount(self.mount_point), 10, "passthrough_ll mounts")

    def unmount(self):
        quietly(["fusermount3", "-u", self.mount_point])
        self.process.wait(timeout=30)

    def remount(self):
        self.unmount()
        self.mount()

    def pids(self):
        return {"client": [self.process.pid], "server": []}

    def backing(self):
        return [self.source()]

    def stop(self):
        if os.path.ismount(self.mount_point):
            self.unmount()
        super().stop()


class MooseFs(System):
    """A master and three chunk servers in a network namespace that has nothing but loopback; two copies; else its defaults."""

    name = "moosefs"
    address = "10.99.0.1"

    def missing(self):
        absent = [name for name in ("mfsmaster", "mfschunkserver", "mfsmount", "ip") if not shutil.which(name)]
        if absent:
            return "not installed: " + ", ".join(absent)
        return "" if os.geteuid() == 0 else "must be root, for a network namespace"

    def namespace(self):
        return "lace-bench-%d" % os.getpid()

    def inside(self, *command):
        run(["ip", "netns", "exec", self.namespace(), *command])

    def start(self):
        super().start()
        os.chmod(self.top, 0o755)
        run(["ip", "netns", "add", self.namespace()])
        self.inside("ip", "link", "set", "lo", "up")
        self.inside("ip", "address", "add", self.address + "/24", "dev", "lo")
        self.start_master()
        for number in (1, 2, 3):
            self.start_chunk_server(number)
        self.mount()
        wait_until(self.ready, 30, "the chunk servers of MooseFS join")
        self.inside("mfssetgoal", "-r", "2", self.mount_point)

    def ready(self):
        locks = [os.path.join(self.top, "disk%d" % number, ".lock") for number in (1, 2, 3)]
        return os.statvfs(self.mount_point).f_blocks > 0 and all(map(os.path.exists, locks))

    def configure(self, name, text):
        path = os.path.join(self.top, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def directory(self, name):
        path = os.path.join(self.top, name)
        os.makedirs(path)
        return path

    def start_master(self):
        data = self.directory("master")
        shutil.copy("/var/lib/mfs/metadata.mfs.empty", os.path.join(data, "metadata.mfs"))
        exports = self.configure("exports.cfg", "* / rw,alldirs,admin,maproot=0:0\n")
        topology = self.configure("topology.cfg", "")
        listens = "".join("%s_LISTEN_HOST = %s\n" % (what, self.address) for what in ("MATOML", "MATOCS", "MATOCL"))
        config = "WORKING_USER = root\nWORKING_GROUP = root\nDATA_PATH = %s\nEXPORTS_FILENAME = %s\nTOPOLOGY_FILENAME = %s\n"
        self.inside("mfsmaster", "-c", self.configure("master.cfg", config % (data, exports, topology) + listens), "start")

    def start_chunk_server(self, number):
        data, disk = self.directory("chunks%d" % number), self.directory("disk%d" % number)
        disks = self.configure("disk%d.cfg" % number, disk + "\n")
        config = ("WORKING_USER = root\nWORKING_GROUP = root\nDATA_PATH = %s\nHDD_CONF_FILENAME = %s\nMASTER_HOST = %s\n"
                  "BIND_HOST = %s\nCSSERV_LISTEN_HOST = %s\nCSSERV_LISTEN_PORT = %d\n")
        text = config % (data, disks, self.address, self.address, self.address, 9430 + number)
        self.inside("mfschunkserver", "-c", self.configure("chunks%d.cfg" % number, text), "start")

    def mount(self):
        log = open(os.path.join(self.top, "log"), "ab")
        command = ["nsenter", "--net=/run/netns/" + self.namespace(), "mfsmount", "-f", self.mount_point, "-H", self.address]
        self.client = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)  # nsenter becomes mfsmount
        wait_until(lambda: os.path.ismount(self.mount_point), 20, "mfsmount mounts")

    def unmount(self):
        wait_until(lambda: quietly(["umount", self.mount_point]) == 0, 10, "MooseFS is unmounted")
        self.client.wait(timeout=30)

    def remount(self):
        self.unmount()
        self.mount()

    def pids(self):
        servers = read_pid(os.path.join(self.top, "master", ".mfsmaster.lock"))
        for number in (1, 2, 3):
            servers += read_pid(os.path.join(self.top, "chunks%d" % number, ".mfschunkserver.lock"))
        return {"client": [self.client.pid], "server": servers}

    def backing(self):
        return [os.path.join(self.top, name) for name in ("master", "disk1", "disk2", "disk3")]

    def version(self):
        return "moosefs " + run(["dpkg-query", "-W", "-f=${Version}", "moosefs-master"])

    def stop(self):
        if os.path.ismount(self.mount_point):
            self.unmount()
        for number in (1, 2, 3):
            quietly(["mfschunkserver", "-c", os.path.join(self.top, "chunks%d.cfg" % number), "stop"])
        quietly(["mfsmaster", "-c", os.path.join(self.top, "master.cfg"), "stop"])
        quietly(["ip", "netns", "del", self.namespace()])
        super().stop()


SYSTEMS = {system.name: system for system in (Ext4, Passthrough, LaceFs, MooseFs)}
