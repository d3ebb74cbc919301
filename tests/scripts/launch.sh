#!/bin/sh
# Starts a training as scripts on clusters do: an environment, a directory, and the arguments passed on.
set -eu
python=$1
shift
export OMP_NUM_THREADS=1
cd "$(dirname "$0")"
"$python" tiny.py "$@"
