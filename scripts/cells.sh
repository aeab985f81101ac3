# What the scripts of result pages share: sourced, it builds the program `measure` and defines `cell`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/setup.sh test
command -v ninja >/dev/null && export CMAKE_GENERATOR=${CMAKE_GENERATOR:-Ninja}
cmake --preset release >/dev/null
cmake --build --preset release --target measure --parallel "$(nproc)"

# cell OPTION...: measures one cell of docs/results/cells.json, unless it is there.
cell() {
  build/release/examples/measure --out docs/results/cells.json --threads "$(nproc)" "$@"
}
