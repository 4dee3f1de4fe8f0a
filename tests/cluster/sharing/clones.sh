# Copies that share: at once, with the same bytes, apart from then on, and space for what was written only.
used() { du -scB1 $D/storage-? | awk 'END {print $1}'; }
mkdir $M/d
head -c 200M /dev/urandom >$M/d/big
for i in $(seq 300); do echo "$i $RANDOM" >$M/d/small-$i; done
ln $M/d/small-1 $M/d/linked
ln -s small-2 $M/d/symbolic
before=$(used)
(cd $M/d; find . -type f | sort | xargs md5sum) >$T/sums
lace clone $M/d $M/copy
(cd $M/copy; md5sum --quiet -c $T/sums)
[ $(stat -c %h $M/copy/linked) = 2 ]
[ "$(readlink $M/copy/symbolic)" = small-2 ]
cp --reflink=auto $M/d/big $M/by-cp
cmp $M/d/big $M/by-cp
lace info --json $M/by-cp | grep -q '"shared": true'
sync -f $M
[ $(used) -lt $(( before + 40000000 )) ] || { echo "$(used) bytes are used, $before before"; exit 1; }
# What is written to one is not the other's.
python3 - $M/d/big $M/copy/big $M/by-cp <<'END'
import os, random, sys
files = [os.open(name, os.O_RDWR) for name in sys.argv[1:]]
expected = [bytearray(os.pread(file, 200 << 20, 0)) for file in files]
for step in range(300):
    which, at = random.randrange(3), random.randrange(200 << 20)
    data = os.urandom(random.choice([1, 100, 4096, 70000]))
    os.pwrite(files[which], data, at)
    expected[which][at:at + len(data)] = data
    if step % 50 == 49: os.fsync(files[which])
for file, bytes in zip(files, expected):
    os.fsync(file)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    assert os.pread(file, 210 << 20, 0) == bytes
END
(cd $M/copy; grep -v /big $T/sums | md5sum --quiet -c -)
rm -r $M/copy $M/by-cp $M/d
end=$(( SECONDS + 30 ))
while [ $(used) -gt $(( before - 300000000 )) ]; do
  [ $SECONDS -lt $end ] || { echo "still $(used), before $before"; exit 1; }
done
