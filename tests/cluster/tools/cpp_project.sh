mkdir $M/project
cd $M/project
cat >CMakeLists.txt <<'TEXT'
cmake_minimum_required(VERSION 3.20)
project(p CXX)
add_library(l a.cc b.cc)
add_executable(p main.cc)
target_link_libraries(p l)
TEXT
part() { printf '#include <string>\nstd::string %s() { return "%s"; }\n' $1 $2 >$1.cc; }
part a a
part b b
printf '#include <iostream>\nstd::string a(); std::string b();\nint main() { std::cout << a() + b(); }\n' >main.cc
cmake -G Ninja -S . -B build >/dev/null
ninja -C build >/dev/null
[ "$(build/p)" = ab ]
ninja -C build -n | grep -q 'no work to do'
part a c
ninja -C build >/dev/null
[ "$(build/p)" = cb ]
