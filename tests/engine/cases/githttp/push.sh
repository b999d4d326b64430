#!/bin/bash
# Pushes a commit to the server at 127.0.0.1, or clones its repository: push.sh push, push.sh clone [OPTION…]
set -e
export GIT_AUTHOR_DATE=2026-01-02T03:04:05Z GIT_COMMITTER_DATE=2026-01-02T03:04:05Z HOME=/tmp GIT_TERMINAL_PROMPT=0
url=http://user@127.0.0.1/git/demo.git
action=$1
shift
cd "$(mktemp -d)"
if [ "$action" = push ]; then
  git init -q -b main .
  git config user.name A
  git config user.email a@example.org
  seq 1 5000 >numbers
  echo one >a.txt
  git add .
  git commit -q -m first
  git push "$url" main
else
  git clone -q "$@" -b main http://127.0.0.1/git/demo.git .
  cat a.txt
fi
