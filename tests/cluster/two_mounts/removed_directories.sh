# A directory that one removes is not one in which the other makes something.
for i in $(seq 1 60); do
  mkdir $M/d
  ( cd $M2/d && rmdir $M/d && ! touch f 2>/dev/null )
  [ ! -e $M2/d ]
  mkdir $M2/d
  touch $M2/d/f
  if rmdir $M/d 2>/dev/null; then exit 1; fi
  rm $M/d/f
  rmdir $M2/d
done
