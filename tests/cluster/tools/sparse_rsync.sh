f=$M/sparse
truncate -s 2G $f
for i in 0 100000 250000 500000; do
  printf 'island %d' $i | dd of=$f bs=4096 seek=$i conv=notrunc,sync status=none
done
rsync -aS $f $T/out
rsync -aS $T/out $M/back
cmp $f $M/back
[ $(stat -c %b $M/back) -le 1000 ]
[ $(stat -c %b $T/out) -le 1000 ]
