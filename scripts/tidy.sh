#!/usr/bin/env bash
# Runs clang-tidy over headers of the library, all of the core unless told: scripts/tidy.sh [header...]
set -euo pipefail
cd "$(dirname "$0")/.."

linter=$(command -v clang-tidy-14 || command -v clang-tidy) || {
  echo "scripts/tidy.sh needs clang-tidy" >&2
  exit 2
}
if [[ $# == 0 ]]; then
  mapfile -t headers < <(find include -name '*.hpp' -not -path '*/adapt/*' -not -path '*/nn/*' -not -path '*/train/*' | sort)
  set -- "${headers[@]}"
fi
printf '%s\n' "$@" | xargs -P "$(nproc)" -I {} "$linter" --quiet --warnings-as-errors='*' {} -- -x c++ -std=c++20 -Iinclude
