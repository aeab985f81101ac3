#!/usr/bin/env bash
# Runs the samplers for 5 to 100 evaluations and writes docs/results/steps.md and steps.svg: scripts/steps.sh
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh test
command -v ninja >/dev/null && export CMAKE_GENERATOR=${CMAKE_GENERATOR:-Ninja}
cmake --preset release >/dev/null
cmake --build --preset release --target benchmark_steps --parallel "$(nproc)"

mkdir -p docs/results
build/release/benchmarks/benchmark_steps --benchmark_format=json >build/release/steps.json
python3 scripts/steps.py build/release/steps.json docs/results
echo "Written: docs/results/steps.md, docs/results/steps.svg"
