#!/bin/sh
# verify.sh BASE: accepts the tree it stands in when every index that was added since BASE names files that are there, each with its
# number of words. Words are counted once more here, by awk.
set -eu
export LC_ALL=C

words_of() {
  # as the program in WebAssembly counts: between blanks, tabs and line ends of all kinds
  tr '\t\v\f\r' '    ' < "$1" | awk '{ words += NF } END { print words + 0 }'
}

faults=0
fault() {
  echo "$1" >&2
  faults=1
}

added=$(git -c core.quotePath=false diff --name-only --diff-filter=A "$1" HEAD)
while IFS= read -r index; do
  [ -n "$index" ] || continue
  case $index in *INDEX*.md) ;; *) fault "$index was added and is no index"; continue ;; esac
  rows=0
  while IFS= read -r row; do
    case $row in '- '*) ;; *) continue ;; esac
    rows=$((rows + 1))
    file=${row##*](<}
    file=$(dirname -- "$index")/${file%%>)*}
    said=${row##*>), words: }
    if [ ! -f "$file" ]; then fault "$index names $file, which is not there"
    elif [ "$said" != "$(words_of "$file")" ]; then fault "$index says $said words for $file, which has $(words_of "$file")"
    fi
  done < "$index"
  [ "$rows" -gt 0 ] || fault "$index names no file"
done << END
$added
END
exit "$faults"
