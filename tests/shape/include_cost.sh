#!/usr/bin/env bash
# Measures what including the core costs a user's build, beside the five standard headers that any such code has:
#   tests/shape/include_cost.sh [largest ratio, 2.5 if not given]
set -euo pipefail
cd "$(dirname "$0")/../.."
largest=${1:-2.5}
compiler=${CXX:-g++}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

printf '#include <%s>\n' vector span array string cmath >"$folder/standard.cpp"
echo '#include "fewstep/fewstep.hpp"' >"$folder/core.cpp"

"$compiler" -std=c++20 -Iinclude -fsyntax-only "$folder/standard.cpp" "$folder/core.cpp"

# Seconds of processor time to parse one file.
parse() {
  local TIMEFORMAT='%U %S'
  { time "$compiler" -std=c++20 -Iinclude -fsyntax-only "$folder/$1.cpp"; } 2>&1 | awk '{print $1 + $2}'
}

median() { sort -n | awk '{t[NR] = $1} END {print t[int((NR + 1) / 2)]}'; }

# In turn, so that a busy moment of the machine falls on both.
for _ in 1 2 3 4 5 6 7; do
  parse standard >>"$folder/standard.times"
  parse core >>"$folder/core.times"
done
standard=$(median <"$folder/standard.times")
core=$(median <"$folder/core.times")
awk -v core="$core" -v standard="$standard" -v largest="$largest" 'BEGIN {
  ratio = core / standard
  printf "include cost: fewstep.hpp %.2f s, five standard headers %.2f s, ratio %.2f (at most %.2f)\n", core, standard, ratio, largest
  exit ratio > largest
}'
