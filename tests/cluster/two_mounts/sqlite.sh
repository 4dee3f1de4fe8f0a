sqlite3 $M/t.db 'create table t(w, n);'
writer() {
  for n in $(seq 1 50); do sqlite3 -cmd '.timeout 30000' $2/t.db "insert into t values($1, $n);"; done
}
writer 1 $M & one=$!
writer 2 $M2 & two=$!
wait $one
wait $two
[ "$(sqlite3 $M/t.db 'select count(*) from t')" = 100 ]
[ "$(sqlite3 $M2/t.db 'pragma integrity_check')" = ok ]
