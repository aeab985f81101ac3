// Looks for the best times of few steps of a consistency model, as its paper does: by ternary search, one time after
// the other, over the Frechet distance of what is drawn.
//
//     search_times --model models/fontdigits-consistency --steps 2 --out times.json
#include "fewstep/io/json.hpp"
#include "fewstep/plan/lcm.hpp"
#include "fewstep/search/ternary_search.hpp"
#include "support/checkpoint.hpp"
#include "support/drawing.hpp"
#include "support/judge.hpp"
#include "support/program.hpp"
#include "support/sampler_choice.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

namespace json = fewstep::json;

struct options {
  std::filesystem::path model = "models/fontdigits-consistency", out = "times.json";
  examples::judge_options by{};
  std::size_t steps = 2, images = 1000;
  std::uint64_t seed = 1;
};

void declare(CLI::App& app, options& o)
{
  app.add_option("--model", o.model, "checkpoint folder whose scheduler is LCMScheduler")->capture_default_str();
  examples::declare(app, o.by);
  app.add_option("--steps", o.steps, "of the plan, the first of them from the noisiest time")->capture_default_str();
  app.add_option("--images", o.images, "that a list of times is judged by, all digits in turn")->capture_default_str();
  app.add_option("--seed", o.seed, "of all of them")->capture_default_str();
  app.add_option("--out", o.out, "file to write the lists and their distances to")->capture_default_str();
}

void search(const options& o)
{
  if (o.by.threads == 0) throw std::invalid_argument("--threads must be at least 1, but is 0");
  if (o.steps < 2) throw std::invalid_argument("--steps must be at least 2, but is " + std::to_string(o.steps));
  if (o.images < 2) throw std::invalid_argument("--images must be at least 2, but is " + std::to_string(o.images));
  fewstep::require_writable(o.out);
  const auto from = examples::open_checkpoint(o.model);
  const auto& [table, original, scaling] = examples::consistency_of(from.schedule);
  const std::vector<double> times = fewstep::lcm_times(table.steps(), original, {.original_steps = original});
  examples::judge by(o.by);
  const std::vector<int> labels = examples::digits_of(0, o.images);
  const auto chosen = [&](const std::vector<std::size_t>& ts) {
    std::vector<double> some;
    for (std::size_t k = 0; k + 1 < ts.size(); ++k) some.push_back(times[ts[k]]);
    return some;
  };
  const auto score = [&](const std::vector<std::size_t>& ts) {
    const examples::drawing drawn{.sampler = {.name = "consistency", .times = chosen(ts)}};
    const double distance =
        by({examples::draw(drawn, from, {.seed = o.seed, .images = o.images}, o.by.threads), labels}).frechet;
    std::printf("%s: %.4f\n", examples::name_of(drawn).c_str(), distance);
    return distance;
  };
  const auto found = fewstep::search_times({0, times.size()}, o.steps - 1, score);
  json::array tried;
  for (const auto& one : found.trace)
    tried.emplace_back(json::object{{"times", json::array_of(chosen(one.ts))}, {"frechet", one.score}});
  json::write_file(o.out, json::object{{"model", std::filesystem::weakly_canonical(o.model).filename().string()},
                                       {"images", o.images},
                                       {"times", json::array_of(chosen(found.best.ts))},
                                       {"frechet", found.best.score},
                                       {"tried", std::move(tried)}});
}

}  // namespace

int main(int argc, char** argv)
{
  options chosen;
  const examples::program_title title{"search_times", "Looks for the best times of few steps of a consistency model."};
  const auto options_of = [&](CLI::App& app) { declare(app, chosen); };
  return examples::run_program(title, argc, argv, options_of, [&] { search(chosen); });
}
