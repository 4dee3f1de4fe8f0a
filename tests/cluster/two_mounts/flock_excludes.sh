: >$M/lock
echo 0 >$M/count
add() {
  for i in $(seq 1 60); do flock $1/lock bash -c "echo \$(( \$(cat $1/count) + 1 )) >$1/count"; done
}
add $M & one=$!
add $M2 & two=$!
wait $one
wait $two
[ "$(cat $M/count)" = 120 ]
