#!/usr/bin/env bash
# Measures the few-step models beside their teacher and writes docs/results/few_steps.md: scripts/few_steps.sh
# An hour or more on two cores, cell by cell: whoever stops it may start it again. Cells in docs/results/cells.json are not
# measured again.
source "$(dirname "$0")/cells.sh"
cmake --build --preset release --target skips search_times few_steps --parallel "$(nproc)"

# of MODEL OPTION...: a cell of the checkpoint models/fontdigits-MODEL.
of() {
  local model=$1
  shift
  cell --model "models/fontdigits-$model" --spacing trailing "$@"
}
results=build/results
optimal="--sampler analytic-ddpm --spacing optimal --moments models/fontdigits-teacher/moments.json"

cell --real
# Evaluations against distance: samplers of the teacher. DDIM's and phased networks' data is left as predicted, but for
# the last list.
for steps in 50 20 10 8 4 2 1; do of teacher --sampler ddim --steps $steps --unclipped; done
for steps in 1 2 4 8 20 50; do
  for sampler in dpm-solver++ unipc; do of teacher --sampler $sampler --steps $steps; done
  # shellcheck disable=SC2086
  of teacher $optimal --steps $steps
  if test $steps -gt 1; then of teacher --sampler ddim --steps $steps --branch 1 --refresh 2 --unclipped; fi
  of teacher --sampler ddim --steps $steps --rho 0.9 --unclipped
done
for steps in 50 20 10 8 4 2 1; do of teacher --sampler ddim --steps $steps; done

# Its students, and how near they come to what it draws from the same start.
near="--near fontdigits-teacher/ddim-trailing-50-unclipped"
for steps in 16 8 4 2 1; do
  # shellcheck disable=SC2086
  of consistency --sampler consistency --steps $steps $near --near fontdigits-consistency/consistency-16
done
for phases in 8 4 2 1; do
  # shellcheck disable=SC2086
  of phased-$phases --sampler phased --steps $phases --unclipped $near --near fontdigits-phased-8/phased-8-unclipped
done
for phases in 8 4 2; do
  # shellcheck disable=SC2086
  of phased-$phases --sampler phased --steps $phases --eta 1 --unclipped $near \
    --near fontdigits-phased-8/phased-8-unclipped
done
# shellcheck disable=SC2086
of phased-8 --sampler phased --steps 16 --unclipped $near

# Guidance, unclipped to see how far predicted data goes, and clipped away from a digit.
for scale in 1 2 4 8; do
  for end in --unclipped --avoid; do
    of teacher --sampler ddim --steps 10 --guidance $scale $end
    of consistency --sampler consistency --steps 4 --guidance $scale $end
    of phased-4 --sampler phased --steps 4 --guidance $scale $end
  done
  of teacher --sampler ddim --steps 10 --guidance $scale --avoid --unclipped
done

# The adversarial term; Skip-Tuning of students; the skips themselves.
for phases in 8 4 2 1; do
  # shellcheck disable=SC2086
  of phased-$phases-adversarial --sampler phased --steps $phases --unclipped $near \
    --near fontdigits-phased-8/phased-8-unclipped
done
for rho in 1.1 0.9 0.8; do
  for steps in 1 2; do
    of consistency --sampler consistency --steps $steps --rho $rho
    of phased-$steps --sampler phased --steps $steps --rho $rho --unclipped
  done
done
for model in teacher consistency phased-8 phased-4 phased-2 phased-1; do
  build/release/examples/skips --model models/fontdigits-$model --steps 8 --levels 8 --count 40 --threads "$(nproc)" \
    --out $results/skips-$model.svg >$results/skips-$model.txt
done

# The best times of two steps.
build/release/examples/search_times --model models/fontdigits-consistency --threads "$(nproc)" --out $results/times.json

build/release/examples/few_steps --count 40 --threads "$(nproc)" --out $results/few_steps.svg >$results/few_steps.txt
python3 scripts/few_steps.py docs/results/cells.json $results docs/results
echo "Written: docs/results/few_steps.md, docs/results/few_steps.svg"
