#!/usr/bin/env bash
# Removes what is not needed to restore any second of the last RETENTION_DAYS days. What is needed begins with the newest
# verified full backup from before that time; without one, everything is kept.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=lib.sh
. "$here/lib.sh"
[ "${1:-}" = --locked ] || exclusively

cutoff=$(($(seconds "$(stamp)") - RETENTION_DAYS * 86400))
anchor=
for chain in $(chains); do
  full=$CHAINS/$chain/$(entries "$CHAINS/$chain" | sed -n 1p)
  if [ -e "$full/verified" ] && [ "$(seconds "$(info "$full" finished)")" -lt "$cutoff" ]; then anchor=$chain; fi
done
[ -n "$anchor" ] || exit 0

declare -A first
newest_line=$(line_now)
for chain in $(chains); do
  if [[ $chain < $anchor ]]; then
    rm -rf "${CHAINS:?}/$chain"
    say "removed the chain $chain"
    continue
  fi
  full=$CHAINS/$chain/$(entries "$CHAINS/$chain" | sed -n 1p)
  line=$(info "$full" line) at=$(number "$(info "$full" log)")
  if [ -z "${first[$line]:-}" ] || [ "$at" -lt "${first[$line]}" ]; then first[$line]=$at; fi
done
for line in $(entries "$BINLOGS"); do
  if [ -n "${first[$line]:-}" ]; then
    for sum in "$BINLOGS/$line"/*.sha256; do
      [ -e "$sum" ] || continue
      log=${sum%.sha256}
      # The sum goes last: a log without one is archived again, one without its log would be missed.
      [ "$(number "$log")" -ge "${first[$line]}" ] || rm -f "$log" "$sum"
    done
  elif [ "$line" != "$newest_line" ] && [ "$(seconds "$line")" -lt "$cutoff" ] && [[ $line < $anchor ]]; then
    # No backup that is left belongs to it, so nothing can be done with it.
    rm -rf "${BINLOGS:?}/$line"
    say "removed the logs of $line"
  fi
done
