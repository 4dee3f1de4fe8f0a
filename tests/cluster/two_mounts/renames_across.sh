# A hundred files wander between two directories, moved by both mounts: each is in one place all the time.
mkdir $M/a $M/b
for i in $(seq 1 100); do echo $i >$M/a/$i; done
work() {
  for i in $(seq 1 300); do
    f=$(( RANDOM % 100 + 1 ))
    mv -T $1/$2/$f $1/$3/$f 2>/dev/null || true
  done
}
work $M a b & one=$!
work $M2 b a & two=$!
work $M2 a b & three=$!
wait $one
wait $two
wait $three
[ $(ls $M/a $M/b | grep -c '^[0-9]') = 100 ]
cmp <(ls $M/a) <(ls $M2/a)
cmp <(ls $M/b) <(ls $M2/b)
for i in $(seq 1 100); do [ "$(cat $M2/[ab]/$i)" = $i ]; done
