#!/usr/bin/env bash
# Races the U-Net engine against PyTorch and writes docs/results/engine.md: scripts/engine.sh
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh test
command -v ninja >/dev/null && export CMAKE_GENERATOR=${CMAKE_GENERATOR:-Ninja}
cmake --preset release >/dev/null
cmake --build --preset release --target benchmark_unet_torch --parallel "$(nproc)"

mkdir -p docs/results
build/release/benchmarks/benchmark_unet_torch --benchmark_out=build/release/engine.json
python3 scripts/engine.py build/release/engine.json docs/results
echo "Written: docs/results/engine.md"
