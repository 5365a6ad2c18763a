#!/usr/bin/env bash
# Makes this replica the primary. Stop every setai first.
#
#   failover.sh                      a change-over: the old primary answers, stops taking writes, and nothing is lost
#   failover.sh --primary-is-gone    it does not answer and never will: what it did not send is lost
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=lib.sh
. "$here/lib.sh"
for setting in REPLICA_CONFIG PRIMARY_CONFIG; do
  [ -n "${!setting:-}" ] || die "$setting is not set in $SETAI_BACKUP_CONFIG"
done
gone=
case ${1:-} in
  '') ;;
  --primary-is-gone) gone=yes ;;
  *) sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 1 ;;
esac
CLIENT_CONFIG=$REPLICA_CONFIG
is_mariadb
[ -n "$(query 'SHOW SLAVE STATUS')" ] || die "this server follows nobody, so it is no replica"

primary() { mariadb --defaults-file="$PRIMARY_CONFIG" --connect-timeout=10 --batch --skip-column-names --raw "$@"; }
# However this ends before the replica is promoted, both servers go on as before.
closed='' deaf=''
go_back() {
  [ -z "$deaf" ] || query 'START SLAVE IO_THREAD' || say "error: this server does not follow any more: START SLAVE IO_THREAD"
  if [ -n "$closed" ]; then
    if primary --execute='SET GLOBAL read_only = 0'; then
      say "the old primary goes on as before"
    else
      say "error: the old primary still takes no writes: SET GLOBAL read_only = 0 there"
    fi
  fi
}
trap 'go_back; leave' EXIT

if primary --execute='SELECT 1' >/dev/null 2>&1; then
  [ "$(primary --execute='SELECT @@global.read_only')" = 0 ] ||
    die "the old primary takes no writes already. Find out why: SET GLOBAL read_only = 0 there, or --primary-is-gone when it is off"
  # Whoever is in the middle of writing is waited for; nobody begins.
  closed=yes
  primary --execute='SET GLOBAL read_only = 1'
  position=$(primary --execute='SELECT @@gtid_binlog_pos')
  say "the old primary takes no writes any more; waiting for $position"
  reached=$(query "SELECT MASTER_GTID_WAIT('$position', 120)")
  [ "$reached" = 0 ] || die "the replica is too far behind; nothing was promoted"
elif [ -z "$gone" ]; then
  die "the old primary does not answer. Make sure that it cannot come back with writes in it (switch it off, or take its
address away), then run this with --primary-is-gone"
fi

# What has arrived is carried out to its end, and nothing more is taken.
deaf=yes
query 'STOP SLAVE IO_THREAD'
for ((waited = 0; ; waited++)); do
  status=$(following)
  if grep -q 'Slave_SQL_Running_State: Slave has read all relay log' <<<"$status"; then break; fi
  grep -q 'Slave_SQL_Running: Yes' <<<"$status" || { grep Last_SQL_Error: <<<"$status" >&2 || true; die "what had arrived cannot be carried out; nothing was promoted"; }
  [ "$waited" -lt 1200 ] || die "what had arrived is not carried out after two minutes; nothing was promoted"
  sleep 0.1
done
# From here on the old primary takes no writes again, whatever happens: two that do would be worse than none.
closed='' deaf=''
query 'STOP SLAVE; RESET SLAVE ALL; SET GLOBAL read_only = 0' ||
  die "nobody knows whether this server was promoted; the old primary takes no writes. \`SELECT @@read_only\` at both says more"
client "$DATABASE" <"$here/after-restore.sql"
rm -f "$(query 'SELECT @@datadir')/setai-restored"
say "this server is the primary now, at $(query 'SELECT @@gtid_current_pos')"

if [ -n "${SETAI_ENV_FILE:-}" ]; then
  [ -n "${FAILOVER_DATABASE_URL:-}" ] || die "FAILOVER_DATABASE_URL is not set in $SETAI_BACKUP_CONFIG"
  new=$(mktemp "$SETAI_ENV_FILE.XXXXXX")
  { grep -v '^SETAI_DATABASE_URL=' "$SETAI_ENV_FILE" || true; echo "SETAI_DATABASE_URL=$FAILOVER_DATABASE_URL"; } >"$new"
  chmod --reference="$SETAI_ENV_FILE" "$new"
  chown --reference="$SETAI_ENV_FILE" "$new"
  mv "$new" "$SETAI_ENV_FILE"
  say "SETAI_DATABASE_URL in $SETAI_ENV_FILE names it"
fi
say "next: start setai, run full.sh here, and make a new replica"
