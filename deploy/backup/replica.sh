#!/usr/bin/env bash
# Makes this server follow the primary. It runs on data that `restore.sh --for-replica` put together from the primary's
# backups, and takes no writes but the primary's.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=lib.sh
. "$here/lib.sh"
for setting in REPLICA_CONFIG PRIMARY_HOST REPLICATION_USER REPLICATION_PASSWORD_FILE PRIMARY_SSL_CA; do
  [ -n "${!setting:-}" ] || die "$setting is not set in $SETAI_BACKUP_CONFIG"
done
CLIENT_CONFIG=$REPLICA_CONFIG
is_mariadb

folder=$(query 'SELECT @@datadir')
[ -r "$folder/setai-restored" ] || die "the data of this server was not put together by \`restore.sh --for-replica\`"
gtid=$(sed -n 's/^gtid=//p' "$folder/setai-restored")
[[ $gtid =~ ^[0-9]+-[0-9]+-[0-9]+(,[0-9]+-[0-9]+-[0-9]+)*$ ]] || die "$folder/setai-restored names no GTID to begin at"
[ -z "$(query 'SHOW ALL SLAVES STATUS')" ] || die "this server follows somebody already"
password=$(cat "$REPLICATION_PASSWORD_FILE")
[[ $password != *[\'\\]* ]] || die "the password in $REPLICATION_PASSWORD_FILE has a quote or a backslash in it; choose another one"
tls="MASTER_SSL = 1, MASTER_SSL_CA = '$PRIMARY_SSL_CA', MASTER_SSL_VERIFY_SERVER_CERT = 1"
[ "$PRIMARY_SSL_CA" != off ] || tls="MASTER_SSL = 0, MASTER_SSL_VERIFY_SERVER_CERT = 0"

# Through standard input: what is on a command line can be read by everybody at the machine.
client <<SQL
SET GLOBAL read_only = 1;
SET GLOBAL gtid_slave_pos = '$gtid';
CHANGE MASTER TO MASTER_HOST = '$PRIMARY_HOST', MASTER_PORT = ${PRIMARY_PORT:-3306}, MASTER_USER = '$REPLICATION_USER',
  MASTER_PASSWORD = '$password', MASTER_USE_GTID = slave_pos, MASTER_CONNECT_RETRY = 10, $tls;
START SLAVE;
SQL
# It has begun when it has reached where the backup ended and the connection stands.
for ((waited = 0; waited < 600; waited++)); do
  status=$(following)
  if grep -q 'Slave_IO_Running: Yes' <<<"$status" && grep -q 'Slave_SQL_Running: Yes' <<<"$status"; then
    say "following $PRIMARY_HOST from $gtid on"
    exit 0
  fi
  if grep -q -E 'Last_(IO|SQL)_Errno: [1-9]' <<<"$status"; then break; fi
  sleep 0.1
done
grep -E 'Last_(IO|SQL)_Error:' <<<"$status" >&2 || true
die "the replica does not follow; \`SHOW SLAVE STATUS\` says more"
