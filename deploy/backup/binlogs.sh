#!/usr/bin/env bash
# Archives the binary logs, with which any second between two backups can be restored. Every 5 minutes: what happened since
# the last time is only on the server.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=lib.sh
. "$here/lib.sh"
[ "${1:-}" = --locked ] || exclusively

[ "$(query 'SELECT @@log_bin')" = 1 ] || die "the server keeps no binary log: set log_bin, see docs/backup.md"
basename=$(query 'SELECT @@log_bin_basename')
# Closes the present log, so that everything up to now is in files that never change again.
query 'FLUSH BINARY LOGS'
mapfile -t logs < <(query 'SHOW BINARY LOGS' | cut -f1)
unset 'logs[-1]'
[ ${#logs[@]} -gt 0 ] || exit 0
folder=$(dirname "$basename")

line=$(line_now)
if [ -n "$line" ]; then
  last=$(logs_of "$line" | tail -n 1)
  name=$(basename "$last")
  if [ -z "$last" ]; then
    # Nothing was archived into it yet, so it has nothing to be out of line with.
    :
  elif [ ! -e "$folder/$name" ]; then
    # The logs may go on without a gap all the same, when the server has just thrown the archived ones away.
    if [ "$(number "${logs[0]}")" != $(($(number "$name") + 1)) ]; then
      say "warning: the logs do not go on from $name, the last that was archived. Run full.sh: until then nothing newer can be restored"
      line=
    fi
  elif ! cmp --silent "$last" "$folder/$name"; then
    say "the server's data was replaced: its logs begin a new line. Run full.sh: until then nothing newer can be restored"
    line=
  fi
fi
if [ -z "$line" ]; then
  line=$(stamp)
  [ ! -e "$BINLOGS/$line" ] || die "there is a line of this second already"
  mkdir "$BINLOGS/$line"
fi
# What was removed as too old is not archived again, when the server keeps it for longer.
oldest=$(logs_of "$line" | sed -n 1p)
for log in "${logs[@]}"; do
  archived=$BINLOGS/$line/$log
  [ ! -e "$archived.sha256" ] || continue
  [ -z "$oldest" ] || [ "$(number "$log")" -gt "$(number "$oldest")" ] || continue
  cp "$folder/$log" "$archived.part"
  sync -f "$archived.part"
  mv "$archived.part" "$archived"
  (cd "$BINLOGS/$line" && sha256sum "$log" >"$log.sha256.part" && mv "$log.sha256.part" "$log.sha256")
done
sync -f "$BINLOGS/$line"
