#!/bin/sh
# A scripted agent that needs no model: it reads its issue, works for a while, changes files of the repository it stands in
# and commits. Words after "stub:" in the issue say what it does; README.md lists them. Shell, because hundreds run at once.
set -fu

carriage_return=$(printf '\r')
issue=${BELLOWS_ISSUE_ID:-}
attempt=1
sleep=0 files=1 exit_code=0 flood=0 chatter=0
fault=none once=no ignore_term=no fork=no

fail() {
  printf 'stub agent: %s\n' "$1" >&2
  exit 64
}

whole_number() {
  case $2 in '' | *[!0-9]* | ??????????*) fail "$1 must be a whole number of at most 9 digits, not \"$2\"" ;; esac
}

read_words() {
  for word in $1; do
    value=${word#*=}
    case $word in
      ok) ;;
      sleep=*) case $value in '' | *[!0-9.]* | *.*.* | .) fail "sleep must be seconds, not \"$value\"" ;; *) sleep=$value ;; esac ;;
      files=*) whole_number files "$value" && files=$value ;;
      exit=*)
        whole_number exit "$value" && exit_code=$value
        [ "$exit_code" -le 255 ] || fail "exit must be at most 255, not \"$value\""
        ;;
      flood=*) whole_number flood "$value" && flood=$value ;;
      chatter=*) whole_number chatter "$value" && chatter=$value ;;
      no-commit | uncommitted | hang | busy | crash | conflict | fail-verify) fault=$word ;;
      once) once=yes ;;
      ignore-term) ignore_term=yes ;;
      fork) fork=yes ;;
      *) fail "unknown word \"$word\"; see README.md beside this script" ;;
    esac
  done
}

# Lines with "stub:" count, in the Markdown of the issue or, without that, in its JSON, where lines are within strings: there
# one ends at a quote or a backslash. So does one of a file with line ends of Windows.
read_script() {
  [ -r "$1" ] || fail "the issue cannot be read: $1"
  while IFS= read -r line || [ -n "$line" ]; do
    while :; do
      case $line in *stub:*) line=${line#*stub:} ;; *) break ;; esac
      words=${line%%\"*}
      words=${words%%\\*}
      words=${words%%"$carriage_return"*}
      read_words "$words"
    done
  done <"$1"
}

read_attempt() {
  [ -r "${BELLOWS_ISSUE_FILE:-}" ] || return 0
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in
      *'"attempt":'*)
        attempt=${line#*\"attempt\":}
        attempt=${attempt# }
        attempt=${attempt%%[!0-9]*}
        attempt=${attempt:-1}
        return 0
        ;;
    esac
  done <"$BELLOWS_ISSUE_FILE"
}

change_files() {
  mkdir -p stub || fail 'the repository cannot be written'
  number=1
  while [ "$number" -le "$files" ]; do
    printf 'issue %s, attempt %s, file %s\n' "$issue" "$attempt" "$number" >"stub/$issue-$number.txt" || fail 'a file cannot be written'
    number=$((number + 1))
  done
  # who changes the same line on two branches gets a conflict
  if [ "$fault" = conflict ]; then printf 'last changed by issue %s\n' "$issue" >stub/shared.txt; fi
  if [ "$fault" = fail-verify ]; then
    printf 'issue %s, attempt %s\n' "$issue" "$attempt" >BROKEN
  elif [ -e BROKEN ]; then
    rm BROKEN
  fi
}

commit() {
  git add -A . || fail 'git add failed'
  git -c user.name='Stub agent' -c user.email=stub@example.invalid -c commit.gpgSign=false -c core.hooksPath=/dev/null -c gc.auto=0 \
    commit --quiet --allow-empty -m "Issue $issue" || fail 'git commit failed'
}

case $issue in '' | *[!A-Za-z0-9._-]*) fail "BELLOWS_ISSUE_ID must be the id of an issue, it is \"$issue\"; README.md shows how to start it by hand" ;; esac
read_attempt
read_script "${BELLOWS_ISSUE_TEXT:-${BELLOWS_ISSUE_FILE:-BELLOWS_ISSUE_FILE is not set}}"
if [ "$once" = yes ] && [ "$attempt" -gt 1 ]; then
  fault=none exit_code=0 flood=0 ignore_term=no fork=no
fi

printf 'issue %s, attempt %s: %s\n' "$issue" "$attempt" "$fault"
if [ "$ignore_term" = yes ]; then trap '' TERM; fi
# it leaves the group and holds the output open
if [ "$fork" = yes ]; then setsid sh -c 'trap "" TERM; while :; do sleep 60; done' & fi
if [ "$flood" -gt 0 ]; then yes 'a line of a flood of output' | head -c "$flood"; fi
while [ "$chatter" -gt 0 ]; do
  printf 'still here: %s\n' "$chatter"
  chatter=$((chatter - 1))
  sleep 1
done
if [ "$sleep" != 0 ]; then sleep "$sleep"; fi

case $fault in
  hang) while :; do sleep 60; done ;;
  busy) while :; do :; done ;;
  crash) kill -KILL $$ ;;
  no-commit) exit "$exit_code" ;;
esac
change_files
if [ "$fault" != uncommitted ]; then commit; fi
exit "$exit_code"
