#!/usr/bin/env bash
# A full backup: the beginning of a new chain. Daily at 02:00 UTC.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=lib.sh
. "$here/lib.sh"
exclusively
is_mariadb

# The logs up to now, so that the line they belong to is known.
archive() { "$here/binlogs.sh" --locked; }
archive
name=$(stamp)
work=$CHAINS/.unfinished
rm -rf "$work"
[ ! -e "$CHAINS/$name" ] || die "there is a backup of this second already"
mkdir -p "$work/$name"
part=$work/$name
take_part "$part"
seal "$part"
mv "$work" "$CHAINS/$name"
sync -f "$CHAINS"
archive
say "full backup $name: $(du -sh "$CHAINS/$name" | cut -f1)"
"$here/prune.sh" --locked
