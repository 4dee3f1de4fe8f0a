export HOME=$T GIT_CONFIG_NOSYSTEM=1
git config --global user.email t@example.org
git config --global user.name t
git config --global init.defaultBranch main
git config --global gc.auto 0

mkdir $T/origin
cd $T/origin
git init -q
cp -r /usr/include/linux /usr/include/c++ .
git add .
git commit -qm one
git rm -qr linux/usb
git commit -qm two

git clone -q $T/origin $M/clone
cd $M/clone
[ -z "$(git status --porcelain)" ]
git fsck --strict
git gc -q --prune=now
git fsck --strict
echo change >>linux/fs.h
git add -A
git commit -qm three
git checkout -q HEAD~2
[ -d linux/usb ]
git checkout -q main
[ ! -d linux/usb ]
[ -z "$(git status --porcelain)" ]
git push -q $T/origin main:back
[ "$(git -C $T/origin rev-parse 'back^{tree}')" = "$(git rev-parse 'HEAD^{tree}')" ]
