fio --directory=$M --name=mmap --rw=randrw --ioengine=mmap --bs=4k --size=16m --verify=crc32c --verify_fatal=1 --do_verify=1 --fallocate=none --group_reporting --output=$T/out || {
  tail -n 40 $T/out
  exit 1
}
