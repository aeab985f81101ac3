#!/usr/bin/env bash
# Measures Analytic-DPM on the bundled checkpoint and writes docs/results/analytic.md: scripts/analytic.sh
# Hours of work on two cores, cell by cell: whoever stops it may start it again. Cells in docs/results/cells.json are not
# measured again.
source "$(dirname "$0")/cells.sh"

moments=(--moments models/fontdigits-ddpm/moments.json --estimator clipped)
bits=(--likelihood 200)  # at eta = 0 the bound is infinite
cell --real
for steps in 5 10 25 50 100; do
  some=(--steps "$steps")
  [[ $steps == 100 ]] && some+=(--seeds 1)
  cell "${some[@]}" --sampler ddim
  cell "${some[@]}" --sampler ddpm "${bits[@]}"
  cell "${some[@]}" --sampler ddpm-large "${bits[@]}"
  cell "${some[@]}" --sampler ddpm-large --pixels 1
  cell "${some[@]}" --sampler ddpm --spacing optimal "${moments[@]}" "${bits[@]}"
  for spacing in even optimal; do
    cell "${some[@]}" --sampler analytic-ddpm --spacing $spacing "${moments[@]}" "${bits[@]}"
    cell "${some[@]}" --sampler analytic-ddim --spacing $spacing "${moments[@]}"
  done
done
for share in 0.25 0.5 0.75; do
  cell --steps 10 --sampler analytic-ddpm --spacing blend --blend $share "${moments[@]}" "${bits[@]}"
done
python3 scripts/analytic.py docs/results/cells.json docs/results
echo "Written: docs/results/analytic.md, docs/results/analytic.svg"
