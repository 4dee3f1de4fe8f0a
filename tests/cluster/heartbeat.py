"""Writes and syncs small files below $M until $T/stop is there; the longest time that one took goes to $T/pause, in ms."""
import os
import time

mount, scratch = os.environ["M"], os.environ["T"]
longest, count = 0.0, 0
while not os.path.exists(scratch + "/stop"):
    begin = time.monotonic()
    with open(f"{mount}/beat{count % 50}", "wb") as file:
        file.write(b"%d" % count * 1000)
        file.flush()
        os.fsync(file.fileno())
    longest = max(longest, time.monotonic() - begin)
    count += 1
print(count, "files, the longest took", int(longest * 1000), "ms")
with open(scratch + "/pause", "w") as file:
    file.write(str(int(longest * 1000)))
