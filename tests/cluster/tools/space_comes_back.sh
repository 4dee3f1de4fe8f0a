used() { du -scB1 $D/storage-? | awk 'END {print $1}'; }
before=$(used)
head -c 64M /dev/urandom >$M/f
sync $M/f
[ $(used) -gt $(( before + 120000000 )) ]
truncate -s 32M $M/f
[ $(used) -lt $(( before + 80000000 )) ]   # answered when the copies gave it back
rm $M/f
end=$(( SECONDS + 20 ))
while [ $(used) -gt $(( before + 20000000 )) ]; do
  [ $SECONDS -lt $end ] || { echo "still $(used), before $before"; exit 1; }
done
