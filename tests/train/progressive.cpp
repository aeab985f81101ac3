#include "fewstep/train/progressive.hpp"

#include "support/catch.hpp"
#include "support/gaussian_batch.hpp"

#include "fewstep/schedule/grids.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "fewstep/train/solver.hpp"

#include <cstddef>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinRel;
using namespace fewstep;
using test::numbers;

TEST_CASE("one step on the target lands where two steps of the teacher do", "[train]")
{
  const vp_table table = linear_vp();
  const auto steps = train::double_steps({table(900), table(600), table(300), table(100), table(-1)});
  REQUIRE(steps.size() == 2);
  const train::batch<numbers> clean{{0.3, 1}, {1.1, -0.2}};
  const auto teacher = test::exact_data();
  const auto result = train::progressive_distillation(teacher, teacher, clean, steps);
  for (std::size_t k = 0; k < 2; ++k) {
    const auto& [from, middle, to] = steps[k];
    const std::vector<noise_level> at{from};
    const numbers x = noised(train::batch<numbers>{{clean.data[k]}, {clean.noise[k]}}, at);
    const numbers halfway = train::solver_step(teacher, x, {{from, middle}}, train::ddim_solver{});
    const numbers end = train::solver_step(teacher, halfway, {{middle, to}}, train::ddim_solver{});
    const auto target = [&](const numbers&, train::batch_levels) { return numbers{result.target[k]}; };
    REQUIRE_THAT(train::solver_step(target, x, {{from, to}}, train::ddim_solver{})[0], WithinRel(end[0], 1e-13));
    REQUIRE_THAT(result.losses[k],
                 WithinRel((result.estimate[k] - result.target[k]) * (result.estimate[k] - result.target[k]), 1e-15));
  }
}

TEST_CASE("double steps need an odd number of levels that fall", "[train]")
{
  const vp_table table = linear_vp();
  REQUIRE_THROWS_WITH(train::double_steps({table(900), table(600)}), ContainsSubstring("an odd number of levels"));
  REQUIRE_THROWS_WITH(train::double_steps({table(900), table(600), table(700)}), ContainsSubstring("must fall"));
  const train::batch<numbers> clean{{1}, {1}};
  const std::vector<train::double_step> rising{{table(900), table(600), table(700)}};
  REQUIRE_THROWS_WITH(train::progressive_distillation(test::exact_data(), test::exact_data(), clean, rising),
                      ContainsSubstring("the noise must fall"));
}
