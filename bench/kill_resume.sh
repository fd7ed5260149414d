#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Kills a profile with SIGKILL at random moments, resumes it each time, and compares the end with a profile that was
# left alone: the same records, none twice, no visit twice, the model knows as many primitives.
#
#   bench/kill_resume.sh HWPROF_CLI [KILLS [SPACE [BUDGET_SECONDS]]]
set -u -o pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cli=${1:?usage: bench/kill_resume.sh HWPROF_CLI [KILLS [SPACE [BUDGET_SECONDS]]]}
kills=${2:-20}
space=${3:-$root/examples/spaces/chain.yaml}
budget=${4:-$((kills + 4))}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

fail() {
  echo "kill_resume: $*" >&2
  bad=1
}

# No network gets as steady as that, so that measuring lasts as long as the budget and kills fall into it.
job=("$cli" profile "$space" --device cpu --budget "$budget" --ci 0.0001 --calibration 6 --validation 4 --seed 1 --json)

# What each record is about, without what was measured.
identities() {
  grep -oE '^\{"schema":"[^"]*","net":"[^"]*","purpose":"[^"]*"(,"arch":"[^"]*")?,"state"' "$1/records.jsonl" | sort
}

field() {  # KEY FILE: the first number of that key
  grep -o "\"$1\": *[0-9.eE+-]*" "$2" | head -n 1 | sed 's/.*: *//'
}

"${job[@]}" --out "$work/whole" > "$work/whole.json" || fail "the profile that was left alone failed"

killed=0
finished=0
for ((i = 0; i < kills; ++i)); do
  "${job[@]}" --out "$work/killed" --resume > "$work/killed.json" 2> "$work/killed.err" &
  child=$!
  # From the first moment to well into measuring.
  sleep "$(awk -v r="$RANDOM" 'BEGIN { printf "%.3f", 0.02 + 2.5 * r / 32767 }')"
  if kill -KILL "$child" 2> /dev/null; then
    killed=$((killed + 1))
  fi
  wait "$child" 2> /dev/null
  status=$?
  case $status in
    137) ;;
    0) finished=$((finished + 1)) ;;
    *) fail "resume $i ended with status $status: $(cat "$work/killed.err")" ;;
  esac
done
"${job[@]}" --out "$work/killed" --resume > "$work/killed.json" || fail "the last resume failed"

identities "$work/whole" > "$work/whole.ids"
identities "$work/killed" > "$work/killed.ids"
[ -s "$work/whole.ids" ] || fail "there are no records"
diff "$work/whole.ids" "$work/killed.ids" > "$work/ids.diff" || fail "the records differ: $(head -n 5 "$work/ids.diff")"
[ -z "$(uniq -d "$work/killed.ids")" ] || fail "records occur twice: $(uniq -d "$work/killed.ids" | head -n 3)"

# A round visits a network at most once, whatever was killed in between.
for journal in "$work"/killed/hardwares/0-cpu/*/raw/samples.jsonl; do
  twice=$(grep -o '"round": *[0-9]*' "$journal" | sort | uniq -d)
  [ -z "$twice" ] || fail "$journal: visited twice in $twice"
done

for key in prims_known failed; do
  before=$(field "$key" "$work/whole.json")
  after=$(field "$key" "$work/killed.json")
  [ -n "$before" ] && [ "$before" = "$after" ] || fail "$key is '$after' after the kills, '$before' without"
done

echo "kills $killed, finished before the kill $finished, records $(wc -l < "$work/killed.ids")," \
  "primitives known $(field prims_known "$work/killed.json")," \
  "held-out error $(field mape "$work/killed.json") (left alone: $(field mape "$work/whole.json"))"
exit $bad
