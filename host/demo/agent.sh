#!/bin/sh
# Stands in for a coding agent in `bellows demo`. It is a script and no model, and it really works: it reads its issue, reads the files
# that are named there, writes an index of them and commits it.
set -eu

newline='
'
index=
rows=

# The first heading of a Markdown file; of anything else its name.
title_of() {
  title=
  case $1 in *.md | *.markdown) title=$(sed -n 's/^# *//p' "./$1" | head -n 1 | tr -d '[]\r') ;; esac
  printf '%s' "${title:-${1##*/}}"
}

while IFS= read -r line || [ -n "$line" ]; do
  case $line in
    'index: '*) index=${line#index: } ;;
    'file: '*)
      words_and_file=${line#file: }
      file=${words_and_file#* }
      rows="$rows- [$(title_of "$file")](<${file##*/}>), words: ${words_and_file%% *}$newline"
      ;;
  esac
done < "$BELLOWS_ISSUE_TEXT"

if [ -z "$index" ]; then
  echo 'the issue names no index to write' >&2
  exit 64
fi
printf '# Index of %s\n\n%s' "$(dirname -- "$index")" "$rows" > "$index"
git add -- "$index"
git commit --quiet -m "Write $index"
echo "wrote $index"
