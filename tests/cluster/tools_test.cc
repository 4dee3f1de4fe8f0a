// Ordinary programs at work on a mount, one script each. All of them check what they did.
#include "tests/lib/cluster.h"

namespace lace::test {
namespace {

struct Tool {
  const char* name;
  const char* script;
};
std::ostream& operator<<(std::ostream& out, const Tool& tool) { return out << tool.name; }

constexpr Tool tools[] = {
    {"git", R"(
      export HOME=$T GIT_CONFIG_NOSYSTEM=1; git config --global user.email t@example.org; git config --global user.name t
      git config --global init.defaultBranch main
      mkdir $T/origin; cd $T/origin; git init -q
      cp -r /usr/include/linux /usr/include/c++ .; git add .; git commit -qm one; git rm -qr linux/usb; git commit -qm two
      git clone -q $T/origin $M/clone; cd $M/clone
      [ -z "$(git status --porcelain)" ]
      git fsck --strict;
git gc - q-- aggressive-- prune = now;
git fsck-- strict echo change >> linux / fs.h;
git add - A;
git commit - qm three;
git checkout - q HEAD ~2;
[-d linux / usb];
git checkout - q main[-z "$(git status --porcelain)"]; git push -q $T/origin main:back
      diff -r --exclude=.git <(cd $T/origin && git archive back | tar -tf - | sort) <(cd $M/clone && git ls-files | cat; ) >/dev/null || true
      [ "$(git -C $T/origin rev-parse back^{tree})" = "$(git rev-parse HEAD^{tree})" ])"},
    {"sqlite_wal", R"(
      db=$M/t.db; sqlite3 $db 'pragma journal_mode=wal; create table t(w,n,primary key(w,n));' | grep -qx wal
      writer() { for n in $(seq 1 150); do sqlite3 -cmd '.timeout 30000' $db "insert into t values($1,$n);"; done; }
      writer 1 & one=$!; writer 2 & two=$!; wait $one; wait $two
      [ "$(sqlite3 $db 'select count(*) from t')" = 300 ]; [ "$(sqlite3 $db 'pragma integrity_check')" = ok ])"},
    {"sqlite_delete", R"(
      db=$M/t.db; sqlite3 $db 'pragma journal_mode=delete; create table t(w,n,primary key(w,n));' | grep -qx delete
      writer() { for n in $(seq 1 100); do sqlite3 -cmd '.timeout 30000' $db "insert into t values($1,$n);"; done; }
      writer 1 & one=$!; writer 2 & two=$!; wait $one; wait $two
      [ "$(sqlite3 $db 'select count(*) from t')" = 200 ]; [ "$(sqlite3 $db 'pragma integrity_check')" = ok ])"},
    {"cpp_project", R"(
      mkdir $M/project; cd $M/project
      printf 'cmake_minimum_required(VERSION 3.20)\nproject(p CXX)\nadd_library(l a.cc b.cc)\nadd_executable(p main.cc)\ntarget_link_libraries(p l)\n' >CMakeLists.txt
      printf '#include <string>\nstd::string a() { return "a"; }\n' >a.cc; printf '#include <string>\nstd::string b() { return "b"; }\n' >b.cc
      printf '#include <iostream>\nstd::string a(); std::string b();\nint main() { std::cout << a() + b(); }\n' >main.cc
      cmake -G Ninja -S . -B build >/dev/null; ninja -C build >/dev/null; [ "$(build/p)" = ab ]
      [ "$(ninja -C build -n | tail -n 1)" = 'ninja: no work to do.' ]
      printf '#include <string>\nstd::string a() { return "c"; }\n' >a.cc;
      ninja - C build > / dev / null; [ "$(build/p)" = cb ])"},
    {"fio_random_mix", R"(
      fio --name=mix --directory=$M --rw=randrw --bs=4k-64k --size=48m --numjobs=2 --verify=crc32c --verify_fatal=1 --do_verify=1 \
          --fsync=64 --fallocate=none --group_reporting --output=$T/fio.out || { tail -n 40 $T/fio.out; exit 1; })"},
    {"fio_sequential", R"(
      fio --name=seq --directory=$M --rw=write --bs=1m --size=192m --verify=crc32c --verify_fatal=1 --do_verify=1 --end_fsync=1 \
          --fallocate=none --output=$T/fio.out || { tail -n 40 $T/fio.out; exit 1; })"},
    {"fio_direct_random", R"(
      fio --name=direct --directory=$M --rw=randwrite --direct=1 --bs=4k --size=8m --ioengine=psync --numjobs=2 --verify=crc32c --verify_fatal=1 \
          --do_verify=1 --fallocate=none --group_reporting --output=$T/fio.out || { tail -n 40 $T/fio.out; exit 1; })"},
    {"fio_mmap", R"(
      fio --name=mmap --directory=$M --rw=randrw --ioengine=mmap --bs=4k --size=16m --verify=crc32c --verify_fatal=1 --do_verify=1 \
          --fallocate=none --output=$T/fio.out || { tail -n 40 $T/fio.out; exit 1; })"},
    {"fio_after_remount_state", R"(
      fio --name=keep --directory=$M --rw=randwrite --bs=8k --size=32m --verify=crc32c --do_verify=0 --fallocate=none --output=$T/fio.out
      sync -f $M; echo 3 >/proc/sys/vm/drop_caches 2>/dev/null || true
      fio --name=keep --directory=$M --rw=randwrite --bs=8k --size=32m --verify=crc32c --verify_only --verify_fatal=1 --fallocate=none \
          --output=$T/fio.out || { tail -n 40 $T/fio.out; exit 1; })"},
    {"sparse", R"(
      stored() { du -sB1 --apparent-size /dev/null >/dev/null; stat -c '%b * %B' "$1" | bc 2>/dev/null || echo $(( $(stat -c %b "$1") * 512 )); }
      blocks() { echo $(( $(stat -c %b "$1") * 512 )); }
      f=$M/sparse; truncate -s 1T $f
      for i in $(seq 0 99); do printf 'island %d\n' $i | dd of=$f bs=4096 seek=$(( i * 2684354 )) conv=notrunc,sync status=none; done
      [ "$(stat -c %s $f)" = $(( 1 << 40 )) ]
      sync $f;
        [$(blocks $f) - ge 409600];
        [$(blocks $f) - le 819200] islands() { for
            i in 0 1 50 98 99;
          do ["$(dd if=$1 bs=4096 skip=$(( i * 2684354 )) count=1 status=none | tr -d '\0')" = "island $i"];
          done;
          [$(blocks $1) - le 819200];
          ["$(stat -c %s $1)" = $((1 << 40))];
        } islands $f cp-- sparse = auto $f $M / copied;
        islands $M / copied tar - C $M - Scf $T / s.tar sparse;
        [$(stat - c % s $T / s.tar) - lt 2000000];
        mkdir $M / x;
        tar - C $M / x - Sxf $T / s.tar; islands $M/x/sparse)"},
    {"sparse_rsync", R"(
      f=$M/sparse; truncate -s 4G $f; for i in 0 100000 500000 1000000; do printf 'island %d' $i | dd of=$f bs=4096 seek=$i conv=notrunc,sync status=none; done
      rsync -aS $f $T/out; rsync -aS $T/out $M/back; cmp $f $M/back
      [ $(stat -c %b $M/back) -le 1000 ]; [ $(stat -c %b $T/out) -le 1000 ])"},
    {"big_directory", R"(
      mkdir $M/d; cd $M/d; seq 1 20000 | xargs touch; [ $(ls -f | wc -l) = 20002 ]; [ $(find . -type f | wc -l) = 20000 ]
      seq 1 2 20000 | xargs rm; [ $(ls | wc -l) = 10000 ]; cd ..; rm -r d; [ -z "$(ls -A)" ])"},
    {"give_space_back", R"(
      used() { du -sB1 $D/storage-* | awk '{s+=$1} END {print s}'; }
      before=$(used); head -c 64M /dev/urandom >$M/f; sync $M/f; [ $(used) -gt $(( before + 120000000 )) ]
      rm $M/f; for i in $(seq 1 400); do [ $(used) -lt $(( before + 20000000 )) ] && exit 0; read -t 0.05 <> <(:) || true; done
      echo "still $(used), before $before"; exit 1)"},
};

        class Tools : public testing::TestWithParam<Tool> {};

        TEST_P(Tools, WorkOnAMount) {
          Cluster cluster;
          EXPECT_SHELL(cluster.environment(), GetParam().script);
        }

        INSTANTIATE_TEST_SUITE_P(All, Tools, testing::ValuesIn(tools),
                                 [](const auto& info) { return std::string(info.param.name); });

        struct Stressor {
          const char* name;
          const char* arguments;
        };
        std::ostream& operator<<(std::ostream& out, const Stressor& stressor) { return out << stressor.name; }

        constexpr Stressor stressors[] = {
            {"files_and_directories",
             "--dir 1 --dirdeep 1 --dirdeep-inodes 2000 --dentry 1 --dentries 500 --rename 1 --link 1 --symlink 1 --touch 1"},
            {"data",
             "--hdd 1 --hdd-bytes 16m --copy-file 1 --copy-file-bytes 4m --fallocate 1 --fallocate-bytes 16m --fpunch 1 --seek "
             "1 --seek-size 8m"},
            {"attributes", "--xattr 1 --chmod 1 --chown 1 --fstat 1 --utime 1 --access 1"},
            {"locks_and_maps", "--flock 2 --lockf 2 --lockofd 2 --filename 1 --getdent 1 --mmap 1 --mmap-file --mmap-bytes 4m"},
        };

        class Stress : public testing::TestWithParam<Stressor> {};

        TEST_P(Stress, LeavesNothingWrong) {
          Cluster cluster;
          EXPECT_SHELL(cluster.environment(),
                       std::string("mkdir $M/stress; timeout 50 stress-ng --temp-path $M/stress --verify --timeout 12s "
                                   "--metrics-brief ") +
                           GetParam().arguments);
          EXPECT_SHELL(cluster.environment(), "rm -r $M/stress; [ -z \"$(ls -A $M)\" ]");
        }

        INSTANTIATE_TEST_SUITE_P(All, Stress, testing::ValuesIn(stressors),
                                 [](const auto& info) { return std::string(info.param.name); });

      }  // namespace
    }    // namespace lace::test
