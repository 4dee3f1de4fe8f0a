# Both make, rename and remove files in one directory; nothing is lost, nothing is there twice.
mkdir $M/d
work() {
  for i in $(seq 1 150); do
    echo "$2 $i" >$1/d/$2.$i
    mv $1/d/$2.$i $1/d/$2-$i
    [ "$(cat $1/d/$2-$i)" = "$2 $i" ]
    if [ $(( i % 3 )) = 0 ]; then rm $1/d/$2-$i; fi
  done
}
work $M a & one=$!
work $M2 b & two=$!
wait $one
wait $two
[ $(ls $M/d | wc -l) = 200 ]
cmp <(ls $M/d) <(ls $M2/d)
for f in $(ls $M/d); do cmp $M/d/$f $M2/d/$f; done
