#!/usr/bin/env bash
# Formats all C++ files with clang-format 14, or with --check only names those that are not: scripts/format.sh [--check]
set -euo pipefail
cd "$(dirname "$0")/.."

formatter=$(command -v clang-format-14 || command -v clang-format) || {
  echo "scripts/format.sh needs clang-format 14" >&2
  exit 2
}
how=(-i)
[[ ${1:-} == --check ]] && how=(--dry-run -Werror)
find include tests examples benchmarks -name '*.hpp' -o -name '*.cpp' | sort | xargs -r "$formatter" "${how[@]}"
