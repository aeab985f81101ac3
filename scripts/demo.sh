#!/usr/bin/env bash
# Draws the same digits with every method at 1 to 50 evaluations of the network, one picture and one table: scripts/demo.sh
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh demo
command -v ninja >/dev/null && export CMAKE_GENERATOR=${CMAKE_GENERATOR:-Ninja}
cmake --preset release >/dev/null
cmake --build --preset release --target few_steps --parallel "$(nproc)"

mkdir -p build/demo
build/release/examples/few_steps --threads "$(nproc)" --out build/demo/few_steps.svg
echo "The picture: $PWD/build/demo/few_steps.svg"
