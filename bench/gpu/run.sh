#!/bin/bash
# Everything that is done on a GPU machine, in one command of under ten minutes, without network and without a .NET SDK:
# machine facts, tests on the device, compute-sanitizer, measured ceilings, every case against its best peer, one JSON file.
# Usage: run.sh [--build | --carried] [--emulated] [--tiny] [--only TEXT] [--minutes N] [--bundle FOLDER] [--out FOLDER]
#   bundle.sh has to have been run before (here or where the folder comes from); run.sh --help says the rest.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export PATH=$PATH:/usr/local/cuda/bin PYTHONUNBUFFERED=1
modules=$here
[ -e "$here/session.py" ] || modules=$here/gpu
exec "${PYTHON:-python3}" "$modules/session.py" "$@"
