#!/usr/bin/env bash
# Builds everything that the installed packages allow and runs all tests: scripts/test.sh
# With FEWSTEP_WERROR=ON in the environment, warnings are errors; with FEWSTEP_GOLDEN=FOLDER, its golden cases run too.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh test
command -v ninja >/dev/null && export CMAKE_GENERATOR=${CMAKE_GENERATOR:-Ninja}
cmake --preset release -D FEWSTEP_WERROR="${FEWSTEP_WERROR:-OFF}"
cmake --build --preset release --parallel "$(nproc)"
cmake --build --preset release --parallel "$(nproc)" --target all_verify_interface_header_sets
ctest --preset release --no-tests=error --parallel "$(nproc)"
