# What files store is told at once, and the room that is left within a second.
head -c 40M /dev/urandom >$M/f
sync $M/f
blocks() { stat -c %b $1; }
[ $(blocks $M/f) = $(( 40 * 2048 )) ]
truncate -s 30M $M/f; [ $(blocks $M/f) = $(( 30 * 2048 )) ]
fallocate -p -o 1M -l 9M $M/f; [ $(blocks $M/f) = $(( 21 * 2048 )) ]
lace clone $M/f $M/g; [ $(blocks $M/g) = $(( 21 * 2048 )) ]
cp --reflink=auto $M/f $M/h; [ $(blocks $M/h) = $(( 21 * 2048 )) ]
head -c 5M /dev/urandom | dd of=$M/g conv=notrunc,fsync bs=1M oseek=15 status=none
[ $(blocks $M/g) = $(( 21 * 2048 )) ]
[ $(blocks $M/f) = $(( 21 * 2048 )) ]
