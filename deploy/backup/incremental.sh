#!/usr/bin/env bash
# An incremental backup: what changed since the last backup of the chain. Every 6 hours.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=lib.sh
. "$here/lib.sh"
exclusively
is_mariadb

archive() { "$here/binlogs.sh" --locked; }
archive
chain=$(chains | tail -n 1)
[ -n "$chain" ] || die "there is no full backup to build on: run full.sh first"
base=$(parts "$chain" | tail -n 1)
# After its data was replaced, a server has nothing to do with older backups any more.
[ "$(info "$base" line)" = "$(line_now)" ] || die "the server's binary logs do not go on from the last backup: run full.sh"
name=$(stamp)
work=$CHAINS/$chain/.unfinished
rm -rf "$work"
[ ! -e "$CHAINS/$chain/$name" ] || die "there is a backup of this second already"
mkdir "$work"
take_part "$work" "$base"
seal "$work"
mv "$work" "$CHAINS/$chain/$name"
sync -f "$CHAINS/$chain"
archive
say "incremental backup $name of $chain: $(du -sh "$CHAINS/$chain/$name" | cut -f1)"
