# A file of 1 TiB with 100 islands of 4 KiB takes 100 pages (twice that where islands lie across two).
blocks() { echo $(( $(stat -c %b "$1") * 512 )); }
islands() {
  for i in 0 1 50 98 99; do
    [ "$(dd if=$1 bs=4096 skip=$(( i * 2684354 )) count=1 status=none | tr -d '\0')" = "island $i" ]
  done
  [ "$(stat -c %s $1)" = $(( 1 << 40 )) ]
  [ $(blocks $1) -le 819200 ]
}
f=$M/sparse
truncate -s 1T $f
for i in $(seq 0 99); do
  printf 'island %d' $i | dd of=$f bs=4096 seek=$(( i * 2684354 )) conv=notrunc,sync status=none
done
sync $f
[ $(blocks $f) -ge 409600 ]
islands $f
[ $(du -sB1 $D/storage-? | awk '{s += $1} END {print s}') -lt 40000000 ]

cp --sparse=auto $f $M/copied
islands $M/copied
tar -C $M -Scf $T/s.tar sparse
[ $(stat -c %s $T/s.tar) -lt 2000000 ]
mkdir $M/x
tar -C $M/x -Sxf $T/s.tar
islands $M/x/sparse
