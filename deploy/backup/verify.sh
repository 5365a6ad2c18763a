#!/usr/bin/env bash
# Proves that a chain can be restored: its sums, and a server that starts on it and finds its tables whole. After every
# backup. With --all the sums of everything else too, and of the logs.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=lib.sh
. "$here/lib.sh"
exclusively

damaged=0
bad() { say "damaged: $1"; rm -f "$1/verified"; damaged=1; }
if [ "${1:-}" = --all ]; then
  for chain in $(chains); do
    for part in $(entries "$CHAINS/$chain"); do
      check "$CHAINS/$chain/$part" || bad "$CHAINS/$chain/$part"
    done
  done
  for line in $(entries "$BINLOGS"); do
    for sum in "$BINLOGS/$line"/*.sha256; do
      [ -e "$sum" ] || continue
      (cd "$BINLOGS/$line" && sha256sum --check --strict --quiet "$sum" >&2) || bad "${sum%.sha256}"
    done
  done
fi
chain=$(chains | tail -n 1)
[ -n "$chain" ] || die "there is no backup"
mapfile -t wanted < <(parts "$chain")
[ "${#wanted[@]}" = "$(entries "$CHAINS/$chain" | wc -l)" ] || { say "damaged: $CHAINS/$chain has a backup that does not build on the one before"; damaged=1; }
for part in "${wanted[@]}"; do
  check "$part" || { bad "$part"; exit 1; }
done
rm -rf "$BACKUP_DIR"/.verify.*
target=$(mktemp -d "$BACKUP_DIR/.verify.XXXXXX")
BEGUN=$target
prepare "$target" "${wanted[@]}"
start_scratch "$target"
tables=$(scratch --execute="SELECT CONCAT('\`', table_name, '\`') FROM information_schema.tables
  WHERE table_schema = '$DATABASE' AND table_type = 'BASE TABLE'")
[ -n "$tables" ] || die "the database $DATABASE is not in the backup"
while read -r table; do
  said=$(scratch "$DATABASE" --execute="CHECK TABLE $table" | tail -n 1 | cut -f4)
  [ "$said" = OK ] || die "the table $table of $chain: $said"
done <<<"$tables"
applied=$(scratch "$DATABASE" --execute='SELECT COUNT(*) FROM schema_migrations WHERE applied_at IS NOT NULL')
[ "$applied" -gt 0 ] || die "the database $DATABASE in $chain has no tables of setai"
stop_scratch
for part in "${wanted[@]}"; do touch "$part/verified"; done
say "verified: $chain, ${#wanted[@]} backup(s), $(wc -l <<<"$tables") tables"
exit "$damaged"
