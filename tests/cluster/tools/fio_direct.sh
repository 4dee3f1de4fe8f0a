fio --directory=$M --name=direct --rw=randwrite --direct=1 --bs=4k --size=8m --numjobs=2 --ioengine=psync --verify=crc32c --verify_fatal=1 --do_verify=1 --fallocate=none --group_reporting --output=$T/out || {
  tail -n 40 $T/out
  exit 1
}
