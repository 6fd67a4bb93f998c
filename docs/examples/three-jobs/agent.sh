#!/bin/sh
# Stands in for a coding agent: reads its issue, changes a file, commits. Any command that does the same can take its place.
set -eu
{
  echo '# Release notes'
  echo
  cat "$BELLOWS_ISSUE_TEXT"
} > NOTES.md
git add NOTES.md
git commit --quiet -m 'Write the release notes'
