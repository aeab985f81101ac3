#!/usr/bin/env bash
# Installs what a purpose needs and this machine lacks:
#   scripts/setup.sh demo|test|ci|render
# On Debian and Ubuntu with apt-get, through sudo when not root. Elsewhere it says what is needed and goes on.
set -euo pipefail

purpose=${1:-}
demo=(g++ cmake ninja-build pkg-config libeigen3-dev libcli11-dev libpng-dev)
tests=("${demo[@]}" catch2 nlohmann-json3-dev)
checks=(clang libclang-rt-dev clang-format-14 clang-tidy)
# Tests and benchmarks that need these are left out where a distribution does not have them. LibTorch is several times
# slower with the BLAS that comes with it.
optional=(xtensor-dev libtorch-dev libopenblas0-openmp libbenchmark-dev openmpi-bin libopenmpi-dev)
# Some hundred faces, of which scripts/render_sprites.py makes digits; it takes what other font packages bring as well.
fonts=(fonts-{dejavu,lato,liberation2,noto-core,open-sans,roboto-unhinted,texgyre,urw-base35,thai-tlwg-ttf,dosis,vollkorn}
  fonts-adf-{accanthis,baskervald,berenis,gillius,ikarius,irianis,libris,mekanus,romande,switzera,tribun,universalis,verana}
  fonts-{averia-sans-gwf,averia-serif-gwf,cabin,cantarell,comfortaa,ebgaramond,lobster,quattrocento,quicksand,yanone-kaffeesatz})
case $purpose in
  demo) packages=("${demo[@]}") optional=() ;;
  test) packages=("${tests[@]}") ;;
  ci) packages=("${tests[@]}" "${checks[@]}") ;;
  render) packages=(python3 python3-pil fontconfig) optional=("${fonts[@]}") ;;
  *)
    echo "usage: scripts/setup.sh demo|test|ci|render" >&2
    exit 2
    ;;
esac

say_what_is_needed() {
  echo "$1 These are needed, by their names in Debian 12: ${packages[*]}"
  [[ ${#optional[@]} == 0 ]] || echo "More is made with: ${optional[*]}"
}

installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

missing=()
collect_missing() {
  local package
  missing=()
  for package in "${packages[@]}" "${optional[@]}"; do
    installed "$package" || missing+=("$package")
  done
}

if ! command -v apt-get >/dev/null; then
  say_what_is_needed "There is no apt-get here."
  exit 0
fi
collect_missing
[[ ${#missing[@]} == 0 ]] && exit 0

as_root=()
if [[ $(id -u) != 0 ]]; then
  if ! command -v sudo >/dev/null; then
    say_what_is_needed "Missing are ${missing[*]}, and there is no sudo to install them."
    exit 0
  fi
  as_root=(sudo)
fi

"${as_root[@]}" apt-get update -qq
available=()
for package in "${missing[@]}"; do
  if [[ " ${optional[*]} " == *" $package "* ]] && ! apt-cache show "$package" >/dev/null 2>&1; then
    echo "This distribution has no $package: what needs it is left out."
  else
    available+=("$package")
  fi
done
echo "Installing ${available[*]}"
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${available[@]}" >/dev/null
