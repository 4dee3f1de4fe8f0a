for i in $(seq 1 200); do
  echo "$i $RANDOM" >$M/f
  cmp $M/f $M2/f
  echo "$i $RANDOM" >$M2/f
  cmp $M/f $M2/f
done
