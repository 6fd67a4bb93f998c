#!/bin/sh
# One session as people script it: a worktree, the agent in it, and a merge when it is its turn.
# usage: by-hand.sh ISSUE REPOSITORY WORKTREES AGENT; prints `landed ISSUE` or what failed.
issue=$1 repository=$2 worktree=$3/$1 agent=$4

failed() {
  echo "$1 failed $issue"
  exit 0
}

git -C "$repository" worktree add --quiet -b "work/$issue" "$worktree" main 2>/dev/null || failed worktree
(cd "$worktree" && BELLOWS_ISSUE_ID=$issue "$agent") >/dev/null 2>&1 || failed agent
flock "$repository/.git/by-hand.lock" git -C "$repository" merge --quiet --no-ff --no-edit "work/$issue" >/dev/null 2>&1 || failed merge
git -C "$repository" worktree remove --force "$worktree" 2>/dev/null
echo "landed $issue"
