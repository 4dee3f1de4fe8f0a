# Functions on trees of files; tests source this. $T is the scratch directory.

# Makes $T/src: over 10,000 files of this machine, and everything that is odd: names, links, times, modes, attributes, holes.
make_tree() {
  mkdir -p $T/src/odd
  find /usr/include /usr/share/zoneinfo /usr/share/cmake-* /usr/share/perl /usr/share/doc -xdev \( -type f -o -type l \) \
    -print0 >$T/found || true
  head -z -n 10500 $T/found >$T/list
  tar -C / --null -T $T/list -cf - 2>/dev/null | tar -C $T/src -xf -
  cd $T/src/odd
  for name in 'a name' $'new\nline' '"quoted"' 'back\slash' -dash '*?[x]' 'ünïcödé' $'\xff\xfe bytes' .hidden 'trailing ' \
    "$(printf 'n%.0s' {1..255})"; do
    echo "$name" >"./$name"
  done
  mkdir -p deep/$(printf 'd%.0s/' {1..100})
  echo x >deep/$(printf 'd%.0s/' {1..100})end
  echo shared >link1
  ln link1 link2
  ln link1 deep/link3
  ln -s link1 sym
  ln -s /nowhere dangling
  ln -s "$(printf 's%.0s' {1..1000})" long
  ln -s . self
  mkfifo fifo
  mkdir empty
  : >nothing
  truncate -s 10M hole
  echo end >>hole
  echo x >modes; chmod 4751 modes
  mkdir sticky; chmod 3777 sticky
  echo x >none; chmod 000 none
  echo x >old; touch -d '1960-02-03 04:05:06.123456789' old
  echo x >far; touch -d '2200-01-01 00:00:00.000000001' far
  echo x >attrs
  setfattr -n user.color -v blue attrs
  setfattr -n user.binary -v 0x00ff00 attrs
  setfacl -m u:12345:r attrs
  mkdir acl; setfacl -d -m g:54321:rwx acl
  echo x >owned; chown 12345:54321 owned
  head -c 5000000 /dev/urandom >random
  # rsync leaves a time alone whose second is right already: none may be of the second in which it runs.
  find $T/src ! -name far -mtime -1 -exec touch -h -d '2021-05-06 07:08:09.123456789' {} +
  cd $T
  [ $(find $T/src -type f | wc -l) -gt 10000 ]
}

# Every name below $1 with type, mode, owner, size, time of change, links and target. A directory's size and links are its own affair.
list() {
  (cd "$1" && find . -mindepth 1 \( -type d -printf '%P|%y|%m|%U|%G|-|%T@|-|\0' -o -printf '%P|%y|%m|%U|%G|%s|%T@|%n|%l\0' \)) |
    LC_ALL=C sort -z | tr '\0' '\n'
}
# The checksum of every file below $1.
sums() { (cd "$1" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum); }

# Whether two trees are the same, in names, attributes and content.
same() {
  diff <(list "$1") <(list "$2") | head -n 20
  cmp <(list "$1") <(list "$2")
  cmp <(sums "$1") <(sums "$2")
}

# nothing_to_do FROM TO [FLAG]...: whether rsync would transfer nothing.
nothing_to_do() {
  local from=$1 to=$2 out
  shift 2
  out=$(rsync -aHAX --delete -n -i "$@" "$from"/ "$to"/)
  [ -z "$out" ] || { echo "rsync would transfer:"; head -n 20 <<<"$out"; return 1; }
}
