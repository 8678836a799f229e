#!/usr/bin/env bash
# Runs every ./strata line of the README and of docs/indexes.md, in a copy of the examples with the bundled data.
set -uo pipefail
binary=$PWD/$1
root=$PWD
work=$(mktemp -d "${TEST_TMPDIR:-/tmp}/readme.XXXXXX")
mkdir -p "$work/examples"
cp -rL "$root/examples/packages" "$work/examples/"
rm -rf "$work/examples/packages/data"
cp "$binary" "$work/strata"
cd "$work" || { echo "failed at line $LINENO"; exit 1; }
export STRATA_HOME=$work HOME=$work
./strata import examples/packages/pipeline.json packages examples/packages/extract.ndjson || { echo "failed at line $LINENO"; exit 1; }
ran=0
while IFS= read -r line; do
  echo "\$ $line"
  bash -c "$line" || { echo "failed: $line"; exit 1; }
  ran=$((ran + 1))
done < <(cat "$root/README.md" "$root/docs/indexes.md" | sed -n '/^```sh$/,/^```$/p' | grep '^\./strata ')
# The demo, on a machine that may have no package index.
[ "$ran" -ge 14 ] || { echo "only $ran commands found"; exit 1; }
./strata demo --reload | grep 'What to try next' > /dev/null || { echo "failed at line $LINENO"; exit 1; }

# Misuse and negative answers have their exit statuses.
expect() { local want=$1; shift; "$@" >out 2>&1; local got=$?; [ "$got" -eq "$want" ] || { echo "exit $got, not $want: $*"; cat out; exit 1; }; }
p=examples/packages/pipeline.json
expect 1 ./strata get $p packages no-such-package
expect 2 ./strata get $p packages
expect 2 ./strata quer
expect 2 ./strata query $p packages 'a===1'
expect 2 ./strata get $p packges x
grep -q 'did you mean "packages"' out || { cat out; exit 1; }
expect 2 ./strata get $p packges x --json
grep -q '^{"ok":false,"code":"INVALID_ARGUMENT","message":"there is no store' out || { cat out; exit 1; }
expect 2 ./strata query $p packages 'section=games' --formt csv
grep -q 'did you mean "--format"' out || { cat out; exit 1; }
expect 1 ./strata check no-such-file.json
expect 0 ./strata --help
printf '{"id":"q1"}\nbroken\n{"id":"q2"}\n' > lines.ndjson
expect 2 ./strata import $p packages lines.ndjson
grep -q 'line 2: at byte 0' out || { cat out; exit 1; }
expect 1 ./strata import $p packages lines.ndjson --keep-going
grep -q '"line":2' lines.ndjson.rejects || { echo "failed at line $LINENO"; exit 1; }
expect 0 ./strata get $p packages q2
# A hint that helps nobody, an index that is not there, one that is declared.
expect 2 ./strata query $p packages 'section=games&using(sectoin)'
grep -q 'did you mean "section"' out || { cat out; exit 1; }
expect 1 ./strata index $p packages drop nothing
expect 1 ./strata index $p packages drop section
grep -q 'declared in the configuration' out || { cat out; exit 1; }
# What check refuses, build refuses, and the store goes on; building what is there is no error.
expect 2 ./strata index $p packages build 'a,b,c,d,e,f,g,h,i'
expect 2 ./strata index $p packages build 'a,-a'
expect 2 ./strata index $p packages build --unique
expect 0 ./strata index $p packages build 'version' --sparse
expect 0 ./strata index $p packages build 'version' --sparse
expect 1 ./strata index $p packages build 'version'
grep -q 'already: {"path":\["version"\],"sparse":true}' out || { cat out; exit 1; }
expect 1 ./strata index $p packages build 'maintainer[]' --unique --json
expect 0 ./strata index $p packages drop 'maintainer[]'
expect 0 ./strata index $p packages drop 'version'
expect 1 ./strata index $p packages drop sectoin
grep -q 'did you mean "section"' out || { cat out; exit 1; }
expect 2 ./strata query $p packages 'section=$1&count()' --param games --param more
# A second process on the same data is told so.
mkfifo hold
./strata shell $p --json < hold > held.out &
exec 9> hold
for _ in $(seq 600); do [ -s held.out ] && break; echo stores >&9; sleep 0.1; done
expect 1 ./strata get $p packages q2
grep -q 'open already' out || { cat out; exit 1; }
echo quit >&9
exec 9>&-
wait
# Ctrl-C in the middle of an import: what was written stays, and a second run goes on.
mkfifo many
./strata import $p packages many > out 2>&1 &
import=$!
exec 8> many  # it has opened its input, so it hears signals
(for i in $(seq 20000); do echo "{\"id\":\"c$i\",\"pad\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}"; done) >&8
kill -INT $import
exec 8>&-
wait $import
status=$?
[ "$status" -eq 130 ] || { echo "exit $status after Ctrl-C"; cat out; exit 1; }
imported=$(grep -o 'imported [0-9]*' out | grep -o '[0-9]*')
counted=$(./strata query $p packages 'prefix(id,c)&exists(pad)&count()')
[ "$imported" = "$counted" ] || { echo "said $imported, holds $counted"; exit 1; }
echo "ok: $ran commands"
