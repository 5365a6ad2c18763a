#!/usr/bin/env bash
# Puts the server's data together in an empty folder, as it was at any second. The present data is not touched.
#
#   restore.sh --target DIR                              as late as backups and archived logs go
#   restore.sh --target DIR --to '2026-11-22 14:03:27'   everything before that second (UTC), nothing of it
#   restore.sh --target DIR --logs /var/lib/mysql        with logs of the broken server that are not archived yet
#   restore.sh --target DIR --for-replica                the last backup, exactly, to begin a replica with
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=lib.sh
. "$here/lib.sh"

target='' to='' more='' for_replica=''
while [ $# -gt 0 ]; do
  case $1 in
    --target) target=${2:?} && shift ;;
    --to) to=${2:?} && shift ;;
    --logs) more=${2:?} && shift ;;
    --for-replica) for_replica=yes ;;
    *) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 1 ;;
  esac
  shift
done
[ -n "$target" ] || die "--target names the empty folder to restore to"
if [ -e "$target" ]; then [ -z "$(ls -A "$target")" ] || die "$target is not empty, and nothing is ever overwritten"; fi
target=$(readlink -m "$target")
limit=9999999999
if [ -n "$to" ]; then limit=$(date -u -d "$to UTC" +%s) || die "--to takes a time such as '2026-11-22 14:03:27' (UTC)"; fi
exclusively

# When the last event of a log was written, as seconds since 1970.
end_of() {
  local at
  at=$(TZ=UTC mariadb-binlog --base64-output=decode-rows "$1" | sed -n -E 's/^#([0-9]{2})([0-9]{2})([0-9]{2}) +([0-9:]+) server id.*/20\1-\2-\3 \4/p' | tail -n 1)
  date -u -d "$at" +%s
}

# The newest chain that begins before that second, and of it what ended before.
chain=
for candidate in $(chains); do
  full=$CHAINS/$candidate/$(entries "$CHAINS/$candidate" | sed -n 1p)
  # Of the second itself, a backup that ended in it may have something.
  if [ "$(seconds "$(info "$full" finished)")" -lt "$limit" ]; then chain=$candidate; fi
done
[ -n "$chain" ] || die "no full backup is old enough; the first is $(chains | sed -n 1p)"
wanted=()
for part in $(parts "$chain"); do
  [ "$(seconds "$(info "$part" finished)")" -lt "$limit" ] || break
  if check "$part"; then
    wanted+=("$part")
  elif [ ${#wanted[@]} -gt 0 ]; then
    say "warning: $part is damaged; logs are replayed in its place"
    break
  else
    die "$part is damaged. Restore from an earlier chain: move $CHAINS/$chain away and try again"
  fi
done
last=${wanted[-1]}

# The logs from there on, without a gap.
line=$(info "$last" line) log=$(info "$last" log) logs=()
next=$(number "$log")
while [ -z "$for_replica" ]; do
  name=${log%.*}.$(printf '%06d' "$next")
  if [ -e "$BINLOGS/$line/$name.sha256" ]; then
    (cd "$BINLOGS/$line" && sha256sum --check --strict --quiet "$name.sha256" >&2) || die "$BINLOGS/$line/$name is damaged"
    logs+=("$BINLOGS/$line/$name")
  elif [ -n "$more" ] && [ -e "$more/$name" ]; then
    logs+=("$more/$name")
  else
    break
  fi
  next=$((next + 1))
done
ends=
if [ ${#logs[@]} -gt 0 ]; then ends=$(end_of "${logs[-1]}"); fi
later=$(logs_of "$line" | tail -n 1)
if [ -z "$for_replica" ] && [ -n "$later" ] && [ "$(number "$later")" -ge "$next" ] && [ "${ends:-0}" -lt "$limit" ]; then
  die "the log ${log%.*}.$(printf '%06d' "$next") is missing, and there are later ones; --to can name a second before it"
fi

mkdir -p "$target"
BEGUN=$target
say "putting together $chain: ${#wanted[@]} backup(s), the last of $(info "$last" finished)"
prepare "$target" "${wanted[@]}"
start_scratch "$target"
if [ ${#logs[@]} -gt 0 ]; then
  options=(--start-position="$(info "$last" position)")
  [ -z "$to" ] || options+=(--stop-datetime="$(date -u -d "@$limit" '+%Y-%m-%d %H:%M:%S')")
  say "replaying ${#logs[@]} log(s) from $(basename "${logs[0]}") on"
  TZ=UTC mariadb-binlog "${options[@]}" "${logs[@]}" | scratch --binary-mode --max-allowed-packet=1G
  [ "$ends" -ge "$limit" ] || say "the logs end at $(date -u -d "@$ends" '+%Y-%m-%d %H:%M:%S'); what came later is not known here"
elif [ -z "$for_replica" ]; then
  say "there are no logs from then on, so this is how it was when the backup was taken"
fi
if [ -z "$for_replica" ]; then
  # Whoever was granted something before, does not have it any more.
  scratch "$DATABASE" <"$here/after-restore.sql"
fi
stop_scratch
BEGUN=
echo "gtid=$(info "$last" gtid)" >"$target/setai-restored"
if [ -n "${DATA_OWNER:-}" ]; then chown -R "$DATA_OWNER" "$target"; fi
sync -f "$target"
say "done: $target can be the data of a server. Stop every setai before it is; docs/backup.md says what comes next."
