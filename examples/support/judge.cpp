#include "support/judge.hpp"

#include "fewstep/nn/workspace.hpp"
#include "support/kept_tensors.hpp"
#include "support/sprites.hpp"

#include <utility>

namespace examples {

void declare(CLI::App& app, judge_options& o)
{
  app.add_option("--classifier", o.classifier, "folder of the classifier whose features are compared")
      ->capture_default_str();
  app.add_option("--data", o.data, "folder with the sheets of images")->capture_default_str();
  app.add_option("--keep", o.keep, "folder that keeps images and features")->capture_default_str();
  app.add_option("--threads", o.threads, "cores to use; the results do not depend on it")->capture_default_str();
}

judge::judge(judge_options o) : options_(std::move(o)), classifier_(fewstep::nn::load_classifier(options_.classifier))
{
  std::filesystem::create_directories(options_.keep);
  const auto path = options_.keep / "unseen-features.safetensors";
  if (!std::filesystem::exists(path))
    keep_matrix(path, (*this)(read_sprites(options_.data, eval_sprites).images).features);
  unseen_ = kept_matrix(path);
}

fewstep::nn::classified judge::operator()(const fewstep::nn::images& x) const
{
  fewstep::nn::workspace work(options_.threads);
  return fewstep::nn::classify(classifier_, x, work);
}

}  // namespace examples
