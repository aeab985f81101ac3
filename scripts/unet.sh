#!/usr/bin/env bash
# Measures DeepCache and Skip-Tuning on the bundled checkpoint and writes docs/results/unet.md: scripts/unet.sh
# An hour or more on two cores, cell by cell: whoever stops it may start it again. Cells in docs/results/cells.json are not
# measured again; the speed is.
source "$(dirname "$0")/cells.sh"

cell --real
cell --sampler ddim --steps 50
for branch in 0 1; do
  for refresh in 2 3 5 10; do cell --sampler ddim --steps 50 --branch $branch --refresh $refresh; done
done
for steps in 5 10 20; do
  for rho in 1 0.9 0.8 0.7 0.6 0.5; do cell --sampler ddim --steps "$steps" --rho $rho; done
done
for steps in 5 10 20; do cell --sampler ddim --steps "$steps" --rho 0.9 --branch 1 --refresh 2; done

cmake --build --preset release --target benchmark_deep_cache --parallel "$(nproc)"
build/release/benchmarks/benchmark_deep_cache models/fontdigits-ddpm --benchmark_filter='branch [01],' --benchmark_min_time=0.01 --benchmark_repetitions=7 \
  --benchmark_enable_random_interleaving=true --benchmark_format=json >build/release/deep_cache.json
python3 scripts/unet.py docs/results/cells.json build/release/deep_cache.json docs/results
echo "Written: docs/results/unet.md, docs/results/unet.svg"
