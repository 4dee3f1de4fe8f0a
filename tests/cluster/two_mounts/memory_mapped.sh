# What one stores through a mapping, and syncs, is what the other maps then.
python3 - $M/f $M2/f <<'P'
import mmap, os, sys
mine, theirs = sys.argv[1:]
with open(mine, 'wb') as f: f.write(bytes(65536))
for turn in range(40):
    here, there = (mine, theirs) if turn % 2 == 0 else (theirs, mine)
    with open(here, 'r+b') as f, mmap.mmap(f.fileno(), 65536) as m:
        m[turn * 100:turn * 100 + 4] = turn.to_bytes(4, 'little')
        m.flush()
        os.fsync(f.fileno())
    with open(there, 'rb') as f, mmap.mmap(f.fileno(), 65536, prot=mmap.PROT_READ) as m:
        for earlier in range(turn + 1):
            assert int.from_bytes(m[earlier * 100:earlier * 100 + 4], 'little') == earlier, (turn, earlier)
P
