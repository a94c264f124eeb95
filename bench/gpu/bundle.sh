#!/bin/bash
# Builds, without a GPU, everything that run.sh needs on a GPU machine into one folder under 64 MiB: the library, the native tests and the ceilings program
# (with CUDA's runtime inside), the Python files, and the sources for a build there.
# Usage: bundle.sh [--emulated] [--architectures LIST] [--out FOLDER]
#   --emulated        the emulated twin, for a machine without a GPU
#   --architectures   of the CUDA build, as CMake names them (default: 90a-real, for H100 and H200; every other adds its size and its time)
#   --out             default: build/gpu-bundle, or build/gpu-bundle-emulated
# nvcc is taken from the PATH, or from the folder LSK_CUDA_TOOLKIT (default: where .ci/run keeps it).
set -euo pipefail
cd "$(dirname "$0")/../.."
preset=cuda target=cuda out='' architectures=90a-real
while [ $# -gt 0 ]; do
  case $1 in
    --emulated) preset=emulator target=emulated ;;
    --architectures) architectures=$2; shift ;;
    --out) out=$2; shift ;;
    *) sed -n '2,/^set/{/^#/p}' "$0" >&2; exit 2 ;;
  esac
  shift
done
[ -n "$out" ] || { out=build/gpu-bundle; [ $target = cuda ] || out+=-emulated; }
jobs=${JOBS:-$(nproc)}

if [ $target = cuda ]; then
  nvcc=$(command -v nvcc || echo "${LSK_CUDA_TOOLKIT:-$HOME/.cache/longseqkernels/cuda-12.4}/bin/nvcc")
  [ -x "$nvcc" ] || { echo "no nvcc on the PATH, nor $nvcc: run cmake/cuda-toolkit-debian.sh, or name a toolkit in LSK_CUDA_TOOLKIT" >&2; exit 1; }
  toolkit=$("$nvcc" --version | sed -nE 's/.*release ([0-9.]+).*/\1/p')
  build=build/gpu-bundle-cuda
  cmake --preset $preset -B $build -DCMAKE_CUDA_COMPILER="$nvcc" -DCUDAToolkit_ROOT="$(dirname "$(dirname "$nvcc")")" -DCMAKE_CUDA_ARCHITECTURES="$architectures" \
    -DCMAKE_CUDA_FLAGS='-Xfatbin -compress-all' >/dev/null
else
  toolkit='' architectures=''
  build=build/emulator
  cmake --preset $preset >/dev/null
fi
cmake --build $build -j"$jobs" >$build/bundle.log 2>&1 || { grep -E 'error|FAILED' $build/bundle.log | head -20; echo "the build failed: $build/bundle.log" >&2; exit 1; }

rm -rf "$out"
mkdir -p "$out"/{lib,bin,tests,gpu/tests}
cp $build/native/liblongseqkernels_abi*.so "$out/lib/"
cp $build/bench/gpu/lsk_ceilings "$out/bin/"
# Tests of planning need no device: ctest runs them anywhere.
find $build/native/tests -type f -name 'lsk_*_tests' ! -name lsk_plan_tests -exec cp {} "$out/tests/" \;
[ -n "$(ls "$out/tests")" ] || { echo "the build has no native tests: doctest is missing (Debian: doctest-dev)" >&2; exit 1; }
strip --strip-debug "$out"/lib/* "$out"/bin/* "$out"/tests/*
cp native/tests/primitives/layouts.txt "$out/tests/"
cp bench/gpu/*.py "$out/gpu/"
cp bench/gpu/tests/*.py "$out/gpu/tests/"
cp bench/gpu/run.sh "$out/"

# The sources, with the header-only test library, so that a newer compiler there can build what was carried.
sources=$(mktemp -d)
trap 'rm -rf "$sources"' EXIT
git ls-files -z CMakeLists.txt CMakePresets.json cmake native bench/gpu | xargs -0 cp --parents -t "$sources"
doctest=$(sed -nE 's/^doctest_DIR:PATH=//p' $build/CMakeCache.txt)
mkdir -p "$sources/doctest/include" "$sources/doctest/lib/cmake"
cp -rL "$doctest" "$sources/doctest/lib/cmake/doctest"
cp -rL "${doctest%/lib*/cmake/doctest}/include/doctest" "$sources/doctest/include/"
tar -czf "$out/source.tar.gz" -C "$sources" .

commit=$(git rev-parse --short HEAD)$(git diff --quiet HEAD -- native cmake CMakeLists.txt bench/gpu || echo +changes)
printf '{"commit": "%s", "target": "%s", "toolkit": "%s", "architectures": "%s"}\n' "$commit" $target "$toolkit" "$architectures" >"$out/bundle.json"
bytes=$(du -sb "$out" | cut -f 1)
echo "$out: $((bytes / 1024)) KiB, commit $commit"
[ "$bytes" -lt $((64 << 20)) ] || { echo "the bundle is over 64 MiB: name fewer --architectures" >&2; exit 1; }
