#include "fewstep/io/plans.hpp"

#include "fewstep/plan/ddim.hpp"
#include "fewstep/schedule/grids.hpp"
#include "support/catch.hpp"

#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using namespace fewstep;

namespace {

sampling_plan everything()
{
  return {.predicts = prediction::noise,
          .start = {10, 0.1, 0.8},
          .lift = 0.25,
          .steps = {{.at = {9, 0.1, 0.9}, .keep = 0.5, .model = {0.3}, .noise = 0.2},
                    {.at = {5, 0.5, 0.7}, .keep = 1.0 / 3, .model = {0.2, 0.6}, .last_noise = 0.05}},
          .end = {-1, 1, 0}};
}

sampling_plan back(const std::string& text)
{
  return read_plan(json::object_reader(json::parse(text), "plan.json"));
}

std::string changed(std::string_view from, std::string_view to)
{
  std::string text = json::write(to_json(everything()));
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("a plan comes back from JSON bit for bit", "[io]")
{
  for (const sampling_plan& plan : {everything(), ddim(trailing(linear_vp(), 50), 1), ddim(karras(cosine_vp(), 7))}) {
    REQUIRE(back(json::write(to_json(plan))) == plan);
    REQUIRE(hash(back(json::write(to_json(plan), {.indent = 2}))) == hash(plan));
  }
}

TEST_CASE("a plan prints as a table whose columns are aligned and are those that it uses", "[io]")
{
  const std::string text = to_table(ddim(trailing(linear_vp(), 3)));
  std::vector<std::string_view> lines;
  for (std::string_view rest = text; !rest.empty(); rest = rest.substr(rest.find('\n') + 1))
    lines.push_back(rest.substr(0, rest.find('\n')));
  REQUIRE(lines.size() == 6);
  REQUIRE_THAT(std::string(lines[0]), ContainsSubstring("predicted data"));
  REQUIRE_THAT(std::string(lines[1]),
               ContainsSubstring("model[0]") && !ContainsSubstring("model[1]") && !ContainsSubstring("noise"));
  for (std::size_t k = 2; k < 5; ++k) REQUIRE(lines[k].size() == lines[1].size());
  REQUIRE_THAT(std::string(lines[2]), ContainsSubstring("999"));
  REQUIRE_THAT(std::string(lines[5]), ContainsSubstring("end"));
  REQUIRE_THAT(to_table(everything()), ContainsSubstring("lift 0.25"));
  REQUIRE_THAT(to_table(everything()), ContainsSubstring("model[1]") && ContainsSubstring("last_noise"));
}

namespace {

/// The numbers of an array in C, line by line.
std::vector<std::vector<double>> lines_of(const std::string& text)
{
  std::vector<std::vector<double>> lines;
  for (std::size_t at = text.find("  {"); at != text.npos; at = text.find("  {", at)) {
    lines.emplace_back();
    const char* from = text.data() + at + 3;
    for (char* to = nullptr;; from = to + 1) {
      lines.back().push_back(std::strtod(from, &to));
      if (*to == '}') break;
      REQUIRE(*to == ',');
    }
    at += 3;
  }
  return lines;
}

}  // namespace

TEST_CASE("a plan comes back from an array in C bit for bit", "[io]")
{
  for (const sampling_plan& plan : {everything(), ddim(trailing(linear_vp(), 50), 1), ddim(karras(cosine_vp(), 7))}) {
    const std::string text = to_c_array(plan, "my_plan");
    const std::size_t rows = plan.steps.size(), outputs = depth(plan);
    REQUIRE_THAT(text, ContainsSubstring("static const double my_plan[" + std::to_string(rows + 2) + "][" +
                                         std::to_string(outputs + 6) + "] = {\n"));
    REQUIRE_THAT(text, ContainsSubstring("predicts " + std::string(name_of(plan.predicts))));
    const auto lines = lines_of(text);
    REQUIRE(lines.size() == rows + 2);
    for (const auto& line : lines) REQUIRE(line.size() == outputs + 6);

    const auto level = [](const std::vector<double>& line) { return noise_level{line[0], line[1], line[2]}; };
    sampling_plan back{plan.predicts, level(lines.front()), lines.front()[3], {}, level(lines.back())};
    for (std::size_t k = 1; k <= rows; ++k) {
      plan_step row{.at = level(lines[k]), .keep = lines[k][3]};
      for (std::size_t j = 0; j < outputs; ++j) row.model[j] = lines[k][4 + j];
      row.noise = lines[k][4 + outputs];
      row.last_noise = lines[k][5 + outputs];
      back.steps.push_back(row);
    }
    REQUIRE(hash(back) == hash(plan));
  }
}

TEST_CASE("an array in C is named as C allows", "[io]")
{
  REQUIRE_NOTHROW(to_c_array(everything(), "_plan20"));
  for (const char* name : {"", "2m", "my plan", "x;", "plan-3"})
    REQUIRE_THROWS_WITH(to_c_array(everything(), name), ContainsSubstring("\"" + std::string(name) + "\""));
}

TEST_CASE("a file that is no plan is refused by its member", "[io]")
{
  REQUIRE_THROWS_WITH(back("{}"), ContainsSubstring("format") && ContainsSubstring("missing"));
  REQUIRE_THROWS_WITH(back(changed("fewstep plan", "other plan")), ContainsSubstring("other plan"));
  REQUIRE_THROWS_WITH(back(changed("\"version\":1", "\"version\":2")), ContainsSubstring("version"));
  REQUIRE_THROWS_WITH(back(changed("\"predicts\":\"noise\"", "\"predicts\":\"eps\"")), ContainsSubstring("predicts"));
  REQUIRE_THROWS_WITH(back(changed("[0.3,0.0]", "[0.3,0,0,0,0,0]")),
                      ContainsSubstring("model") && ContainsSubstring("1 to 5"));
  REQUIRE_THROWS_WITH(back(changed("[0.3,0.0]", "[0.3,1]")),
                      ContainsSubstring("row 0") && ContainsSubstring("before the start"));
  REQUIRE_THROWS_WITH(back(changed("\"keep\"", "\"hold\"")), ContainsSubstring("keep") && ContainsSubstring("missing"));
  REQUIRE_THROWS_WITH(back(changed("\"noise\":0.2", "\"sound\":0.2")), ContainsSubstring("sound"));
  REQUIRE_THROWS_WITH(back(changed("\"lift\":0.25", "\"lift\":-1")), ContainsSubstring("lift"));
}
