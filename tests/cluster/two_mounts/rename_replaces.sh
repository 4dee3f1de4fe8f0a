for i in $(seq 1 100); do
  echo $i >$M/new
  mv $M/new $M/f
  [ "$(cat $M2/f)" = $i ]
done
