"""Many small files, by system calls and nothing else."""
import os


def names(top, count):
    return [os.path.join(top, "file.%06d" % number) for number in range(count)]


def create(top, count):
    for name in names(top, count):
        os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))


def stat(top, count):
    for name in names(top, count):
        os.stat(name)


def unlink(top, count):
    for name in names(top, count):
        os.unlink(name)


def fill(top, files, content):
    os.mkdir(top)
    for name in names(top, files):
        descriptor = os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        if os.write(descriptor, content) != len(content):
            raise OSError("short write: " + name)
        os.close(descriptor)


def create_in_parallel(top, processes, files, size):
    """Each process in a directory of its own."""
    content, children = os.urandom(size), []
    for number in range(processes):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                fill(os.path.join(top, "process.%d" % number), files, content)
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    codes = [os.waitpid(child, 0)[1] for child in children]  # all of them, whatever the first says
    if any(codes):
        raise OSError("a process could not create its files in " + top)
