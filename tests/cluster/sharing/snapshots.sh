# A directory is as it was, whatever is written meanwhile, and nothing walks into snapshots by accident.
mkdir $M/d
for i in $(seq 100); do echo "$i" >$M/d/f$i; done
( n=0; until [ -e $T/stop ]; do n=$(( n + 1 )); echo $n >$M/d/first; sync $M/d/first; echo $n >$M/d/second; sync $M/d/second
    head -c 300000 /dev/urandom >$M/d/f$(( n % 100 )); done ) &
until [ -s $M/d/second ]; do :; done
for name in one two three; do
  [ "$(lace snapshot create $M/d $name)" = $M/.lace/snapshots/$name ]
  first=$(cat $M/.lace/snapshots/$name/first) second=$(cat $M/.lace/snapshots/$name/second)
  # The second is never ahead of the first; while one is being written it may be empty.
  [ "${second:-0}" -le "${first:-$(( second + 1 ))}" ]
  rsync -a $M/.lace/snapshots/$name/ $T/$name/
done
lace snapshot list $M | grep -q 'two  */d '
[ "$(lace snapshot list --json $M | python3 -c 'import json,sys; print(len(json.load(sys.stdin)))')" = 3 ]
touch $T/stop
wait
for name in one two three; do
  diff -r $M/.lace/snapshots/$name $T/$name
done
not touch $M/.lace/snapshots/one/x 2>$T/error; grep -q 'Read-only' $T/error
not bash -c "echo >>$M/.lace/snapshots/one/first" 2>$T/error; grep -q 'Read-only' $T/error
not rm $M/.lace/snapshots/one/first 2>/dev/null
not mv $M/.lace $M/lace 2>/dev/null
[ -z "$(find $M -name '.lace*')" ]
not lace snapshot create $M/d one 2>$T/error; grep -q taken $T/error
lace clone $M/.lace/snapshots/one $M/back
diff -r $M/back $T/one
echo >>$M/back/first
rm -rf $M/* && [ -z "$(ls -A $M)" ]
for name in one two three; do lace snapshot remove $name $M; done
[ -z "$(ls $M/.lace/snapshots)" ]
