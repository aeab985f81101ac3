#include "fewstep/io/runs.hpp"

#include "fewstep/io/safetensors_writer.hpp"
#include "fewstep/noise/philox.hpp"
#include "fewstep/plan/ddim.hpp"
#include "fewstep/schedule/grids.hpp"
#include "fewstep/tensor/contiguous.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using namespace fewstep;
using X = std::vector<float>;

namespace {

void network(const X& x, const evaluation& at, X& out)
{
  for (std::size_t i = 0; i < x.size(); ++i) out[i] = std::tanh(x[i]) + 0.001F * static_cast<float>(at.t);
}

/// A stochastic plan that looks back by two outputs and by one noise.
sampling_plan long_memory()
{
  sampling_plan plan = ddim(trailing(linear_vp(), 6), 1);
  for (std::size_t k = 2; k < 6; ++k) plan.steps[k].model[2] = 0.1, plan.steps[k].last_noise = 0.05;
  return plan;
}

}  // namespace

TEST_CASE("a run that is stored after any row and read back ends with the same bits", "[io]")
{
  const sampling_plan plan = long_memory();
  const philox_noise noise{.seed = 5, .samples = 2};
  const X start = noise.start(X(6));
  const X whole = sample(plan, start, network, noise);
  const auto path = test::empty_folder("runs_stored") / "run.safetensors";
  for (std::size_t rows = 0; rows <= 6; ++rows) {
    stepper run(plan, start, noise);
    while (run.row() < rows) run.step(network);
    write_run(path, run.state(), {{"seed", "5"}});

    const stored_run<X> stored = read_run(path, X(6));
    REQUIRE(stored.notes == safetensors_metadata{{"seed", "5"}});
    REQUIRE(stored.state.row == rows);
    stepper later(plan, stored.state, noise);
    while (!later.done()) later.step(network);
    REQUIRE(later.x() == whole);
  }
}

TEST_CASE("a file that is no run, or one of another size, is refused", "[io]")
{
  const auto path = test::empty_folder("runs_bad") / "run.safetensors";
  const X x{1, 2, 3};
  write_run(path, run_state<X>{.plan = 1, .row = 2, .x = x});
  REQUIRE_THROWS_WITH(read_run(path, X(4)), ContainsSubstring("[4]") && ContainsSubstring("[3]"));
  REQUIRE_THROWS_WITH(read_run(path, std::vector<double>(3)), ContainsSubstring("F64") && ContainsSubstring("F32"));
  write_safetensors(path, std::vector{view_of("x", x, {3})});
  REQUIRE_THROWS_WITH(read_run(path, X(3)), ContainsSubstring("no saved run"));
  write_safetensors(path, std::vector{view_of("x", x, {3})}, {{"fewstep.plan", "1"}, {"fewstep.row", "-2"}});
  REQUIRE_THROWS_WITH(read_run(path, X(3)), ContainsSubstring("fewstep.row"));
}
