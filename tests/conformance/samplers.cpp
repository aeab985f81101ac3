#include "samplers.hpp"

#include <array>
#include <string>
#include <string_view>

namespace conformance {

namespace {

struct family {
  std::string_view name;
  outcome (*check)(const sampler_case&);
};

constexpr std::array families{family{"diffusers", check_diffusers},
                              family{"tcd", check_diffusers},
                              family{"k_diffusion", check_k_diffusion},
                              family{"edm", check_edm},
                              family{"consistency_models", check_consistency_models},
                              family{"pcm", check_pcm},
                              family{"lcm", check_lcm},
                              family{"analytic_dpm", check_analytic_dpm},
                              family{"training", check_training}};

}  // namespace

outcome check_sampler(const sampler_case& golden)
{
  const std::string name = golden.family();
  for (const auto& [known, check] : families)
    if (known == name) return check(golden);
  throw unsupported("the family \"" + name + "\" is not known");
}

}  // namespace conformance
