#include "fewstep/io/moments.hpp"

#include "fewstep/io/json.hpp"
#include "fewstep/io/safetensors_writer.hpp"
#include "fewstep/schedule/data_error.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/spectrum.hpp"

#include <array>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using namespace fewstep;

namespace {

/// Moments with numbers that only a careful writer brings back.
moment_table example()
{
  const vp_table table = linear_vp({.steps = 3});
  moment_table moments{
      .schedule = std::numeric_limits<std::uint64_t>::max() - 5, .dimensions = 12, .data_variance = 1. / 3};
  for (const noise_level& at : levels_of(table))
    moments.levels.push_back({.at = at,
                              .second_moment = {1000, .1 + at.t / 7, 1e-300},
                              .residual = {1000, at.sigma / 3, .1},
                              .parts = {{{1000, .1, .2}, {1000, .3, .4}}, {{1000, 1. / 7, 0}, {1000, .7, .8}}}});
  moments.levels[1].clipped = {1000, .25, .5};
  moments.levels[2].repaired = 1. / 70;
  return moments;
}

std::string text_of(const moment_table& moments)
{
  return json::write(to_json(moments));
}

moment_table read_text(const std::string& text)
{
  return read_moments({json::parse(text), "file"});
}

std::string replaced(std::string text, const std::string& old, const std::string& with)
{
  const std::size_t at = text.find(old);
  REQUIRE(at != std::string::npos);
  return text.replace(at, old.size(), with);
}

}  // namespace

TEST_CASE("moments come back from a file with the same bits", "[io]")
{
  const auto folder = test::empty_folder("moments");
  write_moments(folder / "moments.json", example());
  REQUIRE(read_moments(folder / "moments.json") == example());
  moment_table plain = test::spectrum{}.moments(levels_of(linear_vp({.steps = 20})));
  write_moments(folder / "moments.json", plain);
  REQUIRE(read_moments(folder / "moments.json") == plain);
}

TEST_CASE("the file tells other readers error and effective variance", "[io]")
{
  const json::value document = to_json(example());
  const json::value& level = (*document.find("levels")->get_if<json::array>())[2];
  REQUIRE(*level.find("error")->get_if<double>() == 1. / 70);
  REQUIRE(*level.find("effective_variance")->get_if<double>() == effective_variance(1. / 70, example().levels[2].at));
  REQUIRE(*document.find("version")->get_if<std::int64_t>() == 1);
}

TEST_CASE("a file that is none of moments is refused with the place", "[io]")
{
  const std::string good = text_of(example());
  REQUIRE(read_text(good) == example());
  const auto refused = [](const std::string& text, const std::string& part) {
    REQUIRE_THROWS_WITH(read_text(text), ContainsSubstring(part));
  };
  refused("{}", "\"format\" is missing");
  refused(replaced(good, "fewstep moments", "fewstep plan"), "\"format\"");
  refused(replaced(good, "\"version\":1", "\"version\":2"), "\"version\" must be 1");
  refused(replaced(good, "\"dimensions\":12", "\"dimensions\":-12"), "\"dimensions\"");
  refused(replaced(good, "\"dimensions\":12", "\"dimensions\":12,\"more\":1"), "\"more\" must be left out");
  refused(replaced(good, "\"clipped\":[1000,", "\"clipped\":[0,"), "\"levels\"[1].\"clipped\"");
  refused(replaced(good, "\"clipped\":[1000,", "\"clipped\":[0.5,"), "\"clipped\"");
  refused(replaced(good, "\"clipped\":[1000,", "\"clipped\":[3,1000,"), "\"clipped\"");
  refused(replaced(good, "\"clipped\":[1000,0.25", "\"clipped\":[1000,-0.25"), "t = 1.0");
  refused(replaced(good, "\"residual\":[0.3,", "\"residual\":["), "\"parts\".\"residual\" must be as long");
  refused(replaced(good, "\"levels\":[{", "\"levels\":[{\"x\":1,"), "\"levels\"[0].\"x\"");
}

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
