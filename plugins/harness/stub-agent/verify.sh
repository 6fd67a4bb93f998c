#!/bin/sh
# A verification for the stub agent: refuses a tree with a file BROKEN at its top. An argument is how many seconds it takes.
if [ -n "${1:-}" ]; then sleep "$1" || exit 64; fi
if [ -e BROKEN ]; then
  printf 'BROKEN is there: '
  cat BROKEN
  exit 1
fi
echo 'nothing is broken'
