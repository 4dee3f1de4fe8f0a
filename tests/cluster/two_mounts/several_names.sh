# Names of one file in directories of both mounts.
mkdir $M/a $M2/b
for i in $(seq 1 60); do
  echo $i >$M/a/$i
  ln $M2/a/$i $M2/b/$i
  [ $(stat -c %h $M/a/$i) = 2 ]
  echo more >>$M2/b/$i
  [ $(wc -l <$M/a/$i) = 2 ]
  chmod 640 $M/a/$i
  [ $(stat -c %a $M2/b/$i) = 640 ]
  rm $M/a/$i
  [ $(stat -c %h $M2/b/$i) = 1 ]
done
