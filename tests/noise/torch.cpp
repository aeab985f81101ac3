#include "fewstep/noise/torch.hpp"

#include "fewstep/plan/ddim.hpp"
#include "fewstep/sample.hpp"
#include "fewstep/schedule/grids.hpp"
#include "fewstep/tensor/contiguous.hpp"
#include "support/catch.hpp"

#include <cmath>
#include <vector>

using namespace fewstep;
using floats = std::vector<float>;

namespace {

void network(const floats& x, const evaluation& at, floats& out)
{
  for (std::size_t i = 0; i < x.size(); ++i) out[i] = std::tanh(x[i]) + 0.001F * static_cast<float>(at.t);
}

}  // namespace

TEST_CASE("a run draws from the generator in order: the start, then each stochastic row", "[noise]")
{
  const sampling_plan plan = ddim(trailing(linear_vp(), 3), 1);
  torch_noise noise{torch_normal(42)};
  const floats start = noise.start(floats(20), 2);
  const floats end = sample(plan, start, network, noise);

  torch_normal generator(42);
  floats z(20), out(20);
  generator.fill(std::span(z));
  floats x(20);
  for (std::size_t i = 0; i < 20; ++i) x[i] = 2 * z[i];
  REQUIRE(start == x);
  for (std::size_t k = 0; k < 3; ++k) {
    const plan_step& row = plan.steps[k];
    network(x, {row.at, k}, out);
    std::vector<term<floats>> terms{{row.model[0], &out}};
    if (row.noise != 0) {
      generator.fill(std::span(z));
      terms.push_back({row.noise, &z});
    }
    tensor_traits<floats>::combine(x, row.keep, terms);
  }
  REQUIRE(end == x);
}

TEST_CASE("a run whose generator is stored beside it goes on with the same bits", "[noise]")
{
  const sampling_plan plan = ddim(trailing(linear_vp(), 5), 1);
  torch_noise noise{torch_normal(7)};
  const floats start = noise.start(floats(5));  // fewer than 16 values: the generator keeps a spare normal
  const floats whole = sample(plan, start, network, noise);
  stepper run(plan, start, noise);
  run.step(network), run.step(network);
  const run_state<floats> saved = run.state();
  const torch_normal_state generator = run.source().generator.state();
  stepper later(plan, saved, torch_noise{torch_normal(generator)});
  while (!later.done()) later.step(network);
  REQUIRE(later.x() == whole);
}
