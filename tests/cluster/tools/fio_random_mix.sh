fio --directory=$M --name=random_mix --rw=randrw --bs=4k-64k --size=48m --numjobs=2 --fsync=64 --verify=crc32c --verify_fatal=1 --do_verify=1 --fallocate=none --group_reporting --output=$T/out || {
  tail -n 40 $T/out
  exit 1
}
