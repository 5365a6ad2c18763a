# shellcheck shell=bash
# What the scripts share. Settings come from the file that SETAI_BACKUP_CONFIG names; backup.env.example explains each.

SETAI_BACKUP_CONFIG=${SETAI_BACKUP_CONFIG:-/etc/setai/backup.env}
PATH=$PATH:/usr/sbin
umask 077

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

[ -r "$SETAI_BACKUP_CONFIG" ] || die "cannot read $SETAI_BACKUP_CONFIG; SETAI_BACKUP_CONFIG names another file"
# shellcheck source=backup.env.example
. "$SETAI_BACKUP_CONFIG"
for setting in BACKUP_DIR CLIENT_CONFIG; do
  [ -n "${!setting:-}" ] || die "$setting is not set in $SETAI_BACKUP_CONFIG"
done
RETENTION_DAYS=${RETENTION_DAYS:-30}
DATABASE=${DATABASE:-setai}
CHAINS=$BACKUP_DIR/chains
BINLOGS=$BACKUP_DIR/binlogs
mkdir -p "$CHAINS" "$BINLOGS"

for program in mariadb mariadbd mariadb-backup mariadb-binlog sha256sum flock; do
  command -v "$program" >/dev/null || die "$program is missing: Debian has it in mariadb-server, mariadb-client or mariadb-backup"
done

# One of us at a time; whoever comes second waits, and the next timer finds everything done.
exclusively() {
  exec 9>"$BACKUP_DIR/lock"
  flock --wait "${LOCK_SECONDS:-3600}" 9 || die "another backup has been running for too long"
}

client() { mariadb --defaults-file="$CLIENT_CONFIG" --batch --skip-column-names --raw "$@"; }
query() { client --execute="$1"; }
# What a replica says of itself, a line for each thing.
following() { mariadb --defaults-file="$CLIENT_CONFIG" --vertical --execute='SHOW SLAVE STATUS'; }

# Times are UTC everywhere. NOW stands for another present, to rehearse what happens in a month.
stamp() { date -u -d "${NOW:-now}" +%Y%m%dT%H%M%SZ; }
# 20261122T020000Z as seconds since 1970.
seconds() { date -u -d "$(sed -E 's/^(.{4})(.{2})(.{2})T(.{2})(.{2})(.{2})Z$/\1-\2-\3 \4:\5:\6/' <<<"$1")" +%s; }

is_stamp() { [[ $1 =~ ^[0-9]{8}T[0-9]{6}Z$ ]]; }

# The value of NAME in an info file, which is data and is never executed.
info() { sed -n "s/^$2=//p" "$1/info"; }

# Backups and logs are whole or not there: they get their names when they are on the disk.
seal() { # seal FOLDER
  (cd "$1" && find . -type f -print0 | sort -z | xargs -0 sha256sum) >"$1.sums"
  mv "$1.sums" "$1/SHA256SUMS"
  sync -f "$1"
}
check() { (cd "$1" && [ -s SHA256SUMS ] && sha256sum --check --strict --quiet SHA256SUMS >&2); }

# Chains, oldest first. A chain is a full backup and the incrementals that build on it, each a folder named by its time.
chains() { entries "$CHAINS"; }
entries() {
  local folder
  for folder in "$1"/*/; do
    folder=$(basename "$folder")
    if is_stamp "$folder"; then printf '%s\n' "$folder"; fi
  done
}
# The parts of a chain in order, as long as each builds on the one before.
parts() {
  local part previous=
  for part in $(entries "$CHAINS/$1"); do
    part=$CHAINS/$1/$part
    [ -z "$previous" ] || [ "$(info "$part" from_lsn)" = "$(info "$previous" to_lsn)" ] || return 0
    previous=$part
    printf '%s\n' "$part"
  done
}

# The archived logs of a line, in order.
logs_of() { find "$BINLOGS/$1" -maxdepth 1 -name '*.sha256' | sed 's/\.sha256$//' | sort; }

# A server's binary logs are numbered from 1 again when its data is replaced. So the archive has a folder for each line of
# logs, and a backup says to which line it belongs: what is not of one line is never put together.
line_now() { entries "$BINLOGS" | tail -n 1; }

# 7 for mariadb-bin.000007
number() { local digits=${1##*.}; printf '%s\n' $((10#$digits)); }

is_mariadb() {
  case $(query 'SELECT VERSION()') in
    *MariaDB*) ;;
    *) die "this is no MariaDB; MySQL has physical backups of its own, see docs/backup.md" ;;
  esac
}

# Starts a server on a folder for this script alone: no network, no replication, no events, no log of its own. It ends with
# the script, however that ends. `scratch ...` is a client of it.
start_scratch() { # start_scratch DATADIR
  SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/setai-restore.XXXXXX")
  local secret options
  read -r -a options <<<"${SCRATCH_OPTIONS:-}"
  secret=$(od -An -N18 -tx1 /dev/urandom | tr -d ' \n')
  printf '%s\n' "CREATE OR REPLACE USER setai_restore@localhost IDENTIFIED BY '$secret';" \
    'GRANT ALL ON *.* TO setai_restore@localhost WITH GRANT OPTION;' >"$SCRATCH/init.sql"
  printf '[client]\nuser=setai_restore\npassword=%s\nsocket=%s\n' "$secret" "$SCRATCH/socket" >"$SCRATCH/client.cnf"
  # A starting server removes what looks like old temporary tables where it makes its own, so that must be nobody else's place.
  mkdir "$SCRATCH/tmp"
  setpriv --pdeathsig KILL mariadbd --no-defaults --user="$(id -un)" --datadir="$1" --socket="$SCRATCH/socket" \
    --tmpdir="$SCRATCH/tmp" --pid-file="$SCRATCH/pid" --skip-networking --skip-slave-start --skip-log-bin \
    --event-scheduler=OFF \
    --init-file="$SCRATCH/init.sql" --log-error="$SCRATCH/log" "${options[@]}" </dev/null >/dev/null 2>&1 9>&- &
  SCRATCH_SERVER=$!
  local waited=0
  until scratch --execute='SELECT 1' >/dev/null 2>&1; do
    kill -0 "$SCRATCH_SERVER" 2>/dev/null || { tail -n 20 "$SCRATCH/log" >&2; die "the restored server does not start"; }
    [ $((waited += 1)) -lt 3000 ] || die "the restored server does not answer"
    sleep 0.1
  done
}
scratch() { mariadb --defaults-file="$SCRATCH/client.cnf" --batch --skip-column-names --raw "$@"; }
stop_scratch() {
  if [ -n "${SCRATCH_SERVER:-}" ]; then
    scratch --execute='DROP USER IF EXISTS setai_restore@localhost; SHUTDOWN' >/dev/null 2>&1 ||
      kill "$SCRATCH_SERVER" 2>/dev/null || true
    wait "$SCRATCH_SERVER" 2>/dev/null || true
    SCRATCH_SERVER=
  fi
  if [ -n "${SCRATCH:-}" ]; then rm -rf "$SCRATCH"; SCRATCH=; fi
}

# However a script ends, its server is stopped, and what it had begun to put together is taken away.
BEGUN=
leave() {
  stop_scratch
  [ -z "$BEGUN" ] || rm -rf "$BEGUN" "$BEGUN".part.* "$BEGUN".log
}
trap leave EXIT
trap 'exit 1' INT TERM HUP

# Puts a full backup and its incrementals together in a folder that a server can then be started on.
prepare() { # prepare TARGET PART...
  local target=$1 part work
  shift
  cp -a "$1/data/." "$target/"
  mariadb-backup --prepare --target-dir="$target" >"$target.log" 2>&1 || { tail -n 20 "$target.log" >&2; die "$1 cannot be prepared"; }
  shift
  for part in "$@"; do
    # What is applied is changed by it, and the backup must not be.
    work=$(mktemp -d "$target.part.XXXXXX")
    cp -a "$part/data/." "$work/"
    mariadb-backup --prepare --target-dir="$target" --incremental-dir="$work" >>"$target.log" 2>&1 || {
      tail -n 20 "$target.log" >&2
      rm -rf "$work"
      die "$part cannot be prepared"
    }
    rm -rf "$work"
  done
  rm -f "$target.log"
}

# Takes a backup into a folder, with what has to be known to build on it.
take_part() { # take_part FOLDER [BASE]
  local part=$1 base=${2:-} options=() position
  mkdir "$part/data"
  [ -z "$base" ] || options+=(--incremental-basedir="$base/data")
  [ -z "${DATADIR:-}" ] || options+=(--datadir="$DATADIR")
  mariadb-backup --defaults-file="$CLIENT_CONFIG" --backup --target-dir="$part/data" "${options[@]}" >"$part/log" 2>&1 9>&- || {
    tail -n 20 "$part/log" >&2
    die "mariadb-backup failed"
  }
  # Newer servers name these files after themselves.
  position=$(cat "$part"/data/{xtrabackup,mariadb_backup}_binlog_info 2>/dev/null || true)
  [ -n "$position" ] || die "the server keeps no binary log: set log_bin, see docs/backup.md"
  local lsn
  lsn=$(cat "$part"/data/{xtrabackup,mariadb_backup}_checkpoints 2>/dev/null || true)
  {
    echo "finished=$(stamp)"
    echo "line=$(line_now)"
    awk '{print "log=" $1 "\nposition=" $2 "\ngtid=" $3}' <<<"$position"
    sed -n -E 's/^(from_lsn|to_lsn) = /\1=/p' <<<"$lsn"
  } >"$part/info"
}
