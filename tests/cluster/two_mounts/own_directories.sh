# Each mount works in its own directory, at the same time; then in the other's.
mkdir $M/a $M/b
work() {
  for i in $(seq 1 300); do
    mkdir $1/$i
    echo "$1 $i" >$1/$i/f
    mv $1/$i/f $1/$i/g
    ln $1/$i/g $1/$i/h
    chmod 600 $1/$i/g
  done
}
work $M/a & one=$!
work $M2/b & two=$!
wait $one
wait $two
[ $(find $M2/a -type f | wc -l) = 600 ]
[ $(find $M/b -type f | wc -l) = 600 ]
[ "$(cat $M2/a/300/h)" = "$M/a 300" ]
[ "$(cat $M/b/300/g)" = "$M2/b 300" ]
[ "$(stat -c %a:%h $M2/a/17/g)" = 600:2 ]
rm -r $M2/a $M/b
[ -z "$(ls $M)" ]
[ -z "$(ls $M2)" ]
