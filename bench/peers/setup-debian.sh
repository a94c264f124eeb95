#!/bin/bash
# Makes a Debian folder with the peers (PyTorch, ONNX Runtime, oneDNN) and this folder's workers in it. As root, on Linux x64, about 3 minutes.
# MIRROR names a Debian mirror; PEERS is where the folder goes (default /tmp/peers). Nothing else on the machine is touched.
set -euo pipefail
: "${MIRROR:?set MIRROR to the address of a Debian mirror}"
root=${PEERS:-/tmp/peers}
here=$(cd "$(dirname "$0")" && pwd)
command -v debootstrap > /dev/null || { echo "debootstrap is not installed: apt-get install debootstrap" >&2; exit 1; }
[ -x "$root/usr/bin/apt-get" ] || debootstrap --variant=minbase --arch=amd64 sid "$root" "$MIRROR"
for folder in proc dev sys; do mountpoint -q "$root/$folder" || mount --bind "/$folder" "$root/$folder"; done
cp /etc/resolv.conf /etc/hosts "$root/etc/" || true
cp /etc/apt/apt.conf.d/*prox* "$root/etc/apt/apt.conf.d/" 2> /dev/null || true
echo "deb $MIRROR sid main contrib non-free non-free-firmware" > "$root/etc/apt/sources.list"
chroot "$root" apt-get -o Acquire::Check-Valid-Until=false update
DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get install -y --no-install-recommends \
  python3-torch python3-numpy libopenblas0-pthread python3-onnxruntime python3-onnx libdnnl-dev g++ libgomp1
chroot "$root" update-alternatives --set libblas.so.3-x86_64-linux-gnu /usr/lib/x86_64-linux-gnu/openblas-pthread/libblas.so.3
mkdir -p "$root/opt/workers"
cp "$here"/*.py "$here"/*.cpp "$root/opt/workers/"
chroot "$root" g++ -std=c++17 -O2 -fopenmp /opt/workers/onednn_worker.cpp -o /opt/workers/onednn_worker -ldnnl
echo "The peers are ready in $root; now run: $here/compare.py --peers $root"
