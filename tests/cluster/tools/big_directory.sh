mkdir $M/d
cd $M/d
seq 1 20000 | xargs touch
[ $(ls -f | wc -l) = 20002 ]
[ $(find . -type f | wc -l) = 20000 ]
seq 1 2 20000 | xargs rm
[ $(ls | wc -l) = 10000 ]
cd ..
rm -r d
[ -z "$(ls -A)" ]
