#!/bin/sh
# The suite as other processors and numbers of threads would run it, one variant after the other:
#   tests/robust.sh PYTHON [options of pytest]
# MKL obeys MKL_ENABLE_INSTRUCTIONS on Intel processors only, MKL_CBWR on all.
python=$1
shift
failed=0

suite() {
    settings=$1
    shift
    echo "== $settings $*"
    # shellcheck disable=SC2086  # settings are words
    if ! env -u OMP_NUM_THREADS $settings "$python" -m pytest -p no:cacheprovider "$@"; then
        echo "FAILED: $settings $*"
        failed=1
    fi
}

suite "" "$@"
suite OMP_NUM_THREADS=1 "$@"
suite OMP_NUM_THREADS=8 "$@"
set -- --numprocesses auto --dist worksteal "$@"
suite MKL_ENABLE_INSTRUCTIONS=AVX2 "$@"
suite MKL_ENABLE_INSTRUCTIONS=SSE4_2 "$@"
suite MKL_CBWR=COMPATIBLE "$@"
suite ATEN_CPU_CAPABILITY=default "$@"
suite "" --noise 1e-6 --noise-seed 1 "$@"
suite "" --noise 1e-6 --noise-seed 2 "$@"
exit $failed
