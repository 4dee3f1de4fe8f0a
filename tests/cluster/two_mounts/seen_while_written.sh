# A file that is still open for writing shows its size, and then its end, on the other mount.
mkdir $M/d
exec 9>$M/d/f
for i in $(seq 1 50); do
  echo "line $i" >&9
  touch $M/d/other$i
  [ -e $M2/d/other$i ]
done
exec 9>&-
[ $(wc -l <$M2/d/f) = 50 ]
exec 8<$M2/d/f
for i in $(seq 51 60); do
  echo "line $i" >>$M/d/f
  [ $(wc -l <$M2/d/f) = $i ]
done
[ $(cat <&8 | wc -l) = 60 ]
