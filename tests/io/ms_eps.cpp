#include "fewstep/io/ms_eps.hpp"

#include "fewstep/io/safetensors_writer.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"

#include <array>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using namespace fewstep;

TEST_CASE("the official table is read from JSON and from safetensors", "[io]")
{
  const auto folder = test::empty_folder("ms_eps");
  const auto levels = levels_of(linear_vp({.steps = 3}));
  const std::vector<double> numbers{0, .125, .25, 1.5};
  const moment_table wanted = moments_of_ms_eps(levels, numbers);
  REQUIRE(read_ms_eps(test::put(folder / "array.json", "[0, 0.125, 0.25, 1.5]"), levels) == wanted);
  REQUIRE(read_ms_eps(test::put(folder / "object.json", "{\"ms_eps\": [0, 0.125, 0.25, 1.5], \"N\": 3}"), levels) ==
          wanted);

  const std::array<float, 4> floats{0, .125, .25, 1.5};
  const std::vector<tensor_view> tensors{{"ms_eps", dtype::f32, {4}, std::as_bytes(std::span(floats))}};
  write_safetensors(folder / "table.safetensors", tensors);
  REQUIRE(read_ms_eps(folder / "table.safetensors", levels) == wanted);
}

TEST_CASE("an official table that does not fit is refused with its path", "[io]")
{
  const auto folder = test::empty_folder("bad_ms_eps");
  const auto levels = levels_of(linear_vp({.steps = 3}));
  const auto refused = [&](const std::string& content, const std::string& part) {
    const auto path = test::put(folder / "bad.json", content);
    REQUIRE_THROWS_WITH(read_ms_eps(path, levels), ContainsSubstring("bad.json") && ContainsSubstring(part));
  };
  refused("[0, 0.1, 0.2]", "must hold 4 numbers");
  refused("[0, 0.1, 0.2, -0.3]", "t = 2.0");
  refused("[0, 0.1, null, 0.3]", "[2]");
  refused("{\"other\": 1}", "array");
  REQUIRE_THROWS_AS(read_ms_eps(folder / "none.safetensors", levels), std::runtime_error);
}
