#include "fewstep/io/moments.hpp"

#include "fewstep/io/json.hpp"
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
  return read_stored_moments({json::parse(text), "file"}).moments;
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

TEST_CASE("the notes of a measurement come back with it, and may be missing", "[io]")
{
  const auto folder = test::empty_folder("moments_notes");
  const moment_notes notes{{"seed", "7"}, {"data", "\"digits\" \\ faces"}};
  write_moments(folder / "moments.json", example(), notes);
  const stored_moments stored = read_stored_moments(folder / "moments.json");
  REQUIRE(stored.moments == example());
  REQUIRE(stored.notes == notes);

  const std::string bare = replaced(text_of(example()), "\"notes\":{},", "");
  REQUIRE(read_text(bare) == example());
  REQUIRE_THROWS_WITH(read_text(replaced(text_of(example()), "\"notes\":{}", "\"notes\":{\"seed\":7}")),
                      ContainsSubstring("\"notes\".\"seed\" must be a string"));
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
