# Two writers, each a process per row.
db=$M/t.db
sqlite3 $db 'pragma journal_mode=wal; create table t(w, n, primary key(w, n));' | grep -qx wal
writer() {
  for n in $(seq 1 120); do sqlite3 -cmd '.timeout 30000' $db "insert into t values($1, $n);"; done
}
writer 1 & one=$!
writer 2 & two=$!
wait $one
wait $two
[ "$(sqlite3 $db 'select count(*) from t')" = 240 ]
[ "$(sqlite3 $db 'pragma integrity_check')" = ok ]
