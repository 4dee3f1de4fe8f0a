take() {
  local n=0
  for i in $(seq 1 200); do
    if (set -C; : >$1/lock$i) 2>/dev/null; then n=$(( n + 1 )); fi
  done
  echo $n >$T/$2
}
take $M a & one=$!
take $M2 b & two=$!
wait $one
wait $two
[ $(( $(cat $T/a) + $(cat $T/b) )) = 200 ]
