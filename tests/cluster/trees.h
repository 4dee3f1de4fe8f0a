// Scripts that several tests use. $T is the scratch directory.
#pragma once

namespace lace::test {

// Makes $T/src: over 10,000 files of this machine, and everything that is odd: names, links, times, modes, attributes, holes.
inline constexpr const char* make_tree = R"(
  mkdir -p $T/src/odd
  find /usr/include /usr/share/zoneinfo /usr/share/cmake-* /usr/share/perl /usr/share/doc -xdev \( -type f -o -type l \) -print0 >$T/found || true
  head -z -n 10500 $T/found >$T/list
  tar -C / --null -T $T/list -cf - 2>/dev/null | tar -C $T/src -xf -
  cd $T/src/odd
  echo x >'a name'; echo x >$'new\nline'; echo x >'"quoted"'; echo x >'back\slash'; echo x >-dash; echo x >'*?[x]'; echo x >'ünïcödé'
  printf x >$'\xff\xfe bytes'; echo x >"$(printf 'n%.0s' {1..255})";
echo x >.hidden;
echo x > 'trailing ' mkdir - p deep / $(printf 'd%.0s/' {1..100});
echo x > deep / $(printf 'd%.0s/' {1..100}) end echo shared > link1;
ln link1 link2;
ln link1 deep / link3 ln - s link1 sym;
ln - s / nowhere dangling;
ln - s "$(printf 's%.0s' {1..1000})" long;
ln - s.self mkfifo fifo;
mkdir empty; : >nothing;
truncate - s 10M hole;
echo end >> hole echo x > modes;
chmod 4751 modes;
mkdir sticky;
chmod 3777 sticky;
echo x > none;
chmod 000 none echo x > old;
touch - d '1960-02-03 04:05:06.123456789' old;
echo x > far;
touch - d '2200-01-01 00:00:00.000000001' far echo x > attrs;
setfattr - n user.color - v blue attrs;
setfattr - n user.binary - v 0x00ff00 attrs;
setfacl - m u : 12345 : r attrs mkdir acl;
setfacl - d - m g : 54321 : rwx acl;
echo x > owned; chown 12345:54321 owned
  head -c 5000000 /dev/urandom >random
  [ $(find $T/src -type f | wc -l) -gt 10000 ]
)";

// list DIR: every name with type, mode, owner, size, times, links and target; sums DIR: the checksum of every file.
inline constexpr const char* tree_functions = R"(
  list() { (cd "$1" && find . -mindepth 1 -printf '%P|%y|%m|%U|%G|%s|%T@|%n|%l\0' | sed -z -E 's/^([^|]*)\|d\|([^|]*\|[^|]*\|[^|]*)\|[^|]*\|([^|]*)\|[^|]*/\1|d|\2|\3/' | sort -z | tr '\0' '\n'); }
  sums() { (cd "$1" && find . -type f -print0 | sort -z | xargs -0 sha256sum); }
  same() { cmp <(list "$1") <(list "$2") && cmp <(sums "$1") <(sums "$2"); }
  nothing_to_do() { local out; out=$(rsync -aHAX --delete -n -i $3 "$1"/ "$2"/); [ -z "$out" ] || { echo "rsync would transfer:"; echo "$out" | head -n 20; return 1; }; }
)";

}  // namespace lace::test
