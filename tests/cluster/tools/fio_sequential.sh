fio --directory=$M --name=sequential --rw=write --bs=1m --size=192m --end_fsync=1 --verify=crc32c --verify_fatal=1 --do_verify=1 --fallocate=none --group_reporting --output=$T/out || {
  tail -n 40 $T/out
  exit 1
}
