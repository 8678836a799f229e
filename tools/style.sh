#!/usr/bin/env bash
# Style checks: formatting, clang-tidy, the line of folders, third-party headers behind their doors. Prints what
# is wrong.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
status=0
complain() { echo "style: $*" >&2; status=1; }

mapfile -t sources < <(git ls-files '*.h' '*.cc')
clang-format --dry-run --Werror "${sources[@]}" || complain "run clang-format -i on the files above"

# clang-tidy reads every source as clang 14 compiles it, so this also says what clang would refuse.
bazel build --config=tidy --keep_going --noshow_progress --ui_event_filters=-info //... ||
  complain "clang-tidy found the above"

# A folder may include only folders to its left, and itself.
line=(core query store schema base_stores wrappers model pipeline server tools)
declare -A place
for i in "${!line[@]}"; do place[${line[$i]}]=$i; done
while IFS=: read -r file include; do
  from=${file%%/*}
  to=${include%%/*}
  [ -n "${place[$from]:-}" ] && [ -n "${place[$to]:-}" ] || continue
  [ "${place[$to]}" -le "${place[$from]}" ] || complain "$file includes $include, which is to the right of $from/"
  if [ "$from" = wrappers ] && [ "$to" = wrappers ]; then
    mine=$(cut -d/ -f2 <<<"$file")
    theirs=$(cut -d/ -f2 <<<"$include")
    [ "$theirs" = "$mine" ] || [ "$theirs" = core ] || complain "$file includes another wrapper: $include"
  fi
done < <(grep -oE '^#include "[^"]+"' "${sources[@]}" | sed -E 's/#include "([^"]+)"/\1/')

# Third-party headers, each behind one door.
door() {
  local header=$1 allowed=$2 f
  while read -r f; do
    complain "$f includes <$header…>; it belongs behind $allowed"
  done < <(grep -lE "^#include <$header" "${sources[@]}" | grep -vE "$allowed")
}
door 'simdjson' '^core/json_parse\.cc$|^bench/'
door 'rocksdb/' '^base_stores/rocksdb/|^bench/|^tests/'
door 'xapian' '^wrappers/fulltext/|^bench/'
door 'CLI/' '^tools/main\.cc$'

# Every header names its include guard after its path.
for h in $(git ls-files '*.h'); do
  guard="STRATA_$(tr '[:lower:]/.' '[:upper:]__' <<<"$h")_"
  grep -q "^#ifndef $guard$" "$h" || complain "$h should be guarded by $guard"
done

grep -nE '\b(TODO|FIXME|XXX|HACK)\b' "${sources[@]}" && complain "something is left to do in the code"
exit "$status"
