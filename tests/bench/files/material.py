"""What is copied around: a tree of source files, as files, as a tar, and as a git repository. Made once, and kept."""
import glob
import os
import shutil
import subprocess

from measure import Failed, run

PARTS = ["arch/x86", "fs", "kernel", "include", "mm", "net", "lib"]  # about 12,600 files, 150 MB


class Material:
    def __init__(self, directory):
        self.directory = directory
        self.tree = os.path.join(directory, "tree")
        self.tar = os.path.join(directory, "tree.tar")
        self.repository = os.path.join(directory, "repository.git")

    def prepare(self, source=None):
        """From `source`, a directory; else from Debian's package of the kernel's source."""
        os.makedirs(self.directory, exist_ok=True)
        complete = os.path.join(self.directory, "complete")
        if os.path.exists(complete) and not source:
            return
        for path in (self.tree, self.tar, self.repository):
            shutil.rmtree(path, ignore_errors=True) if os.path.isdir(path) else os.path.exists(path) and os.remove(path)
        if source:
            shutil.copytree(source, self.tree, symlinks=True)
        else:
            self.download()
        run(["tar", "-C", self.directory, "-cf", self.tar, "tree"])
        self.make_repository()
        open(complete, "w").close()

    def download(self):
        downloads = os.path.join(self.directory, "download")
        shutil.rmtree(downloads, ignore_errors=True)
        os.makedirs(downloads)
        try:
            run(["apt-get", "download", "linux-source-6.1"], cwd=downloads)
        except (Failed, OSError) as error:
            raise Failed("no kernel source from Debian (%s): name a directory with --tree" % error)
        run(["dpkg-deb", "-x", *glob.glob(os.path.join(downloads, "*.deb")), downloads])
        archive = glob.glob(os.path.join(downloads, "usr/src/*.tar.xz"))[0]
        os.makedirs(self.tree)
        run(["tar", "-C", self.tree, "--strip-components=1", "-xf", archive] + ["linux-source-6.1/" + part for part in PARTS])
        shutil.rmtree(downloads)

    def make_repository(self):
        git = ["git", "--git-dir=" + self.repository]
        who = ["-c", "user.name=bench", "-c", "user.email=bench@localhost"]
        run(["git", "init", "-q", "--bare", self.repository])
        run(git + ["config", "gc.auto", "0"])
        run(git + ["--work-tree=" + self.tree, "add", "-A", "-f", "."])
        run(git + who + ["--work-tree=" + self.tree, "commit", "-q", "-m", "tree"])
        run(git + ["gc", "-q", "--prune=now"])
        os.remove(os.path.join(self.repository, "index"))

    def count(self):
        return sum(1 + len(files) for _, _, files in os.walk(self.tree))

    def warm(self):
        """All of it is in the page cache afterwards, so that its disk is not what is measured."""
        paths = [self.tar] + glob.glob(os.path.join(self.repository, "objects/pack/*"))
        for top, _, files in os.walk(self.tree):
            paths += [os.path.join(top, name) for name in files]
        for path in paths:
            if not os.path.islink(path):
                with open(path, "rb") as file:
                    while file.read(1 << 20):
                        pass
