#!/usr/bin/env bash
# Builds the digit sampler and draws pictures with it: scripts/demo.sh
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh demo
command -v ninja >/dev/null && export CMAKE_GENERATOR=${CMAKE_GENERATOR:-Ninja}
cmake --preset release >/dev/null
cmake --build --preset release --target digits --parallel "$(nproc)"

mkdir -p build/demo
digits() {
  build/release/examples/digits --model models/fontdigits-ddpm --seed 7 --threads "$(nproc)" "$@"
}
digits --sampler ddim --steps 20 --eta 0 --guidance 1.5 --count 40 --out build/demo/digits-ddim-20.png
digits --sampler ddim --steps 20 --eta 0 --guidance 1.5 --count 40 --class 3 --out build/demo/threes-ddim-20.png
digits --sampler unipc --steps 8 --guidance 1.5 --count 40 --out build/demo/digits-unipc-8.png
digits --sampler ddpm --steps 50 --guidance 1.5 --count 20 --out build/demo/digits-ddpm-50.png

echo "The pictures:"
ls "$PWD"/build/demo/*.png
