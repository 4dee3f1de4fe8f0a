for size in 1 5000 3 100000 0 7 3000000 4096 1; do
  head -c $size /dev/urandom >$T/x
  cp $T/x $M/f
  cmp $T/x $M2/f
  truncate -s $(( size / 2 )) $M2/f
  truncate -s $(( size / 2 )) $T/x
  cmp $T/x $M/f
done
