mkdir $M/d
[ -d $M2/d ]
touch $M2/d/a
[ -e $M/d/a ]
mv $M/d/a $M/d/b
[ ! -e $M2/d/a ]
[ -e $M2/d/b ]
rm $M2/d/b
[ ! -e $M/d/b ]
[ -z "$(ls $M/d)" ]
for i in $(seq 1 100); do
  [ ! -e $M2/d/$i ]
  touch $M/d/$i
  [ -e $M2/d/$i ]
done
[ $(ls $M2/d | wc -l) = 100 ]
ln -s x $M/d/s
[ $(readlink $M2/d/s) = x ]
rm -r $M2/d
[ ! -e $M/d ]
