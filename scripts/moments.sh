#!/usr/bin/env bash
# Writes docs/results/moments.md and trajectory.svg from the moments of the bundled checkpoint: scripts/moments.sh
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh demo
command -v ninja >/dev/null && export CMAKE_GENERATOR=${CMAKE_GENERATOR:-Ninja}
cmake --preset release >/dev/null
cmake --build --preset release --target moments trajectory --parallel "$(nproc)"

programs=build/release/examples
model=models/fontdigits-ddpm
file=$model/moments.json
{
  cat <<'TEXT'
# Moments of the bundled checkpoint

Made by `scripts/moments.sh` from `models/fontdigits-ddpm/moments.json`. How it was measured:

TEXT
  "$programs/moments" --report "$file"
  cat <<'TEXT'

C is the error of the predicted data, per dimension, with its standard error. Both estimators come from the same network calls:
the paper's is (sigma / alpha)^2 (1 - E|eps_hat|^2 / d), the residual E|data - D|^2 / d. "Samples for 1 %" is how many it takes until
the standard error is 1 % of C (the residual's). The ratio is what the residual saves. The two differ where the network is not
exact: then the paper's is not the error of anything, and the residual still is that of the network.

## Trajectories

The cost is that of the steps in Kullback-Leibler divergence, times 2 / d; "more" is what a spacing loses to the best one in the bound on the likelihood.

TEXT
  for steps in 5 10 25 50; do
    printf '%s steps:\n\n' "$steps"
    "$programs/trajectory" --moments "$file" --model "$model" --steps "$steps" --blend 0.5 | sed 's/^/    /'
    printf '\n'
  done
  printf '![The stops of 10 steps](trajectory.svg)\n'
} >build/release/moments.md
"$programs/trajectory" --moments "$file" --model "$model" --steps 10 --blend 0.5 --out docs/results/trajectory.svg >/dev/null
mv build/release/moments.md docs/results/moments.md
echo "Written: docs/results/moments.md, docs/results/trajectory.svg"
