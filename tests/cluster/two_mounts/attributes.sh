echo x >$M/f
for mode in 600 644 755 4711; do
  chmod $mode $M/f
  [ $(stat -c %a $M2/f) = $mode ]
done
touch -d @1000000000.123456789 $M2/f
[ $(stat -c %.9Y $M/f) = 1000000000.123456789 ]
setfattr -n user.a -v 1 $M/f
[ "$(getfattr --absolute-names --only-values -n user.a $M2/f)" = 1 ]
setfattr -x user.a $M2/f
if getfattr -n user.a $M/f 2>/dev/null; then exit 1; fi
chown 123:456 $M/f
[ $(stat -c %u:%g $M2/f) = 123:456 ]
