#!/usr/bin/env bash
# Fuzzes the readers of files for some seconds in all, 60 unless told: scripts/fuzz.sh [seconds]
# The seeds are the golden files and tests/fuzz/corpus/NAME; what is found stays in build/fuzz/corpus/NAME.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v ninja >/dev/null && export CMAKE_GENERATOR=${CMAKE_GENERATOR:-Ninja}
cmake --preset fuzz >/dev/null
cmake --build --preset fuzz --parallel "$(nproc)"

shopt -s nullglob
sources=(tests/fuzz/*.cpp)
if [[ ${#sources[@]} == 0 ]]; then
  echo "tests/fuzz holds no targets" >&2
  exit 1
fi
seconds=$((${1:-60} / ${#sources[@]}))
for source in "${sources[@]}"; do
  name=$(basename "$source" .cpp)
  kind=json
  [[ $name == *safetensors* ]] && kind=safetensors
  corpus=build/fuzz/corpus/$name
  mkdir -p "$corpus"
  find tests/golden models -name "*.$kind" -size -16k -print0 |
    while IFS= read -r -d '' seed; do cp "$seed" "$corpus/seed-$(echo "$seed" | tr / -)"; done
  seeds=("$corpus")
  [[ -d tests/fuzz/corpus/$name ]] && seeds+=("tests/fuzz/corpus/$name")
  echo "fuzz_$name: $seconds s from $(find "${seeds[@]}" -type f | wc -l) files"
  log=build/fuzz/$name.log
  build/fuzz/fuzz_"$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=16384 \
    -print_final_stats=1 -artifact_prefix="build/fuzz/found-$name-" "${seeds[@]}" >"$log" 2>&1 || {
    tail -n 60 "$log"
    exit 1
  }
  grep 'stat::number_of_executed_units' "$log"
done
