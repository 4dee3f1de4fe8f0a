# One mount writes in place, the other copies: no copy changes after it was made, and none has a later write without an earlier.
python3 - $M $M2 <<'END'
import os, subprocess, sys, threading, time
here, there = sys.argv[1:]
size = 2 << 20
names = ['first', 'second']
for name in names:
    with open(f'{there}/{name}', 'wb') as file:
        file.write(b'0'.rjust(8) * (size // 8)); os.fsync(file.fileno())
stop = threading.Event()
wrong = []
def write():
    files = [os.open(f'{there}/{name}', os.O_RDWR) for name in names]
    number = 0
    while not stop.is_set():
        number += 1
        for file in files:
            os.pwrite(file, str(number).encode().rjust(8) * (size // 8), 0)
            os.fsync(file)
writer = threading.Thread(target=write)
writer.start()
copies = []
try:
    for step in range(12):
        subprocess.run(['lace', 'snapshot', 'create', here, f's{step}'], check=True, stdout=subprocess.DEVNULL)
        top = f'{here}/.lace/snapshots/s{step}'
        pair = [open(f'{top}/{name}', 'rb').read() for name in names]
        last = [[int(data[at:at + 8]) for at in range(0, size, 4096)] for data in pair]
        assert min(last[0]) >= max(last[1]), (step, min(last[0]), max(last[1]))
        copies.append(pair)
finally:
    stop.set()
    writer.join()
for step, pair in enumerate(copies):
    for name, data in zip(names, pair):
        with open(f'{here}/.lace/snapshots/s{step}/{name}', 'rb') as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            assert file.read() == data, (step, name)
END
