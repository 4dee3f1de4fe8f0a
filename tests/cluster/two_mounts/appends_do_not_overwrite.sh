append() {
  for i in $(seq 1 100); do printf '%s %03d padded to be a line\n' $1 $i >>$2; done
}
append a $M/log & one=$!
append b $M2/log & two=$!
wait $one
wait $two
[ $(wc -l <$M/log) = 200 ]
[ $(sort -u $M2/log | wc -l) = 200 ]
cmp $M/log $M2/log
