#include "support/judge.hpp"

#include "fewstep/nn/classifier.hpp"
#include "fewstep/nn/frechet_distance.hpp"
#include "fewstep/nn/kernel_distance.hpp"
#include "fewstep/nn/workspace.hpp"
#include "support/kept_tensors.hpp"

#include <Eigen/Core>

#include <utility>

namespace examples {

namespace {

namespace nn = fewstep::nn;

double distance(const Eigen::MatrixXd& features, const Eigen::MatrixXd& unseen)
{
  nn::feature_moments ours, theirs;
  ours.add(features), theirs.add(unseen);
  return nn::frechet_distance(ours.law(), theirs.law());
}

}  // namespace

void declare(CLI::App& app, judge_options& o)
{
  app.add_option("--classifier", o.classifier, "folder of the classifier whose features are compared")
      ->capture_default_str();
  app.add_option("--data", o.data, "folder with the sheets of images")->capture_default_str();
  app.add_option("--keep", o.keep, "folder that keeps images and features")->capture_default_str();
  app.add_option("--threads", o.threads, "cores to use; the results do not depend on it")->capture_default_str();
}

struct judge::state {
  nn::classifier classifier;
  std::size_t threads;
  Eigen::MatrixXd unseen{}, judged{};  // rows are images

  nn::classified look_at(const nn::images& x) const
  {
    nn::workspace work(threads);
    return nn::classify(classifier, x, work);
  }
};

judge::judge(const judge_options& o) : state_(new state{nn::load_classifier(o.classifier), o.threads})
{
  std::filesystem::create_directories(o.keep);
  const auto path = o.keep / "unseen-features.safetensors";
  if (!std::filesystem::exists(path))
    keep_matrix(path, state_->look_at(read_sprites(o.data, eval_sprites).images).features);
  state_->unseen = kept_matrix(path);
}

judge::~judge() = default;

verdict judge::operator()(const labelled_images& x)
{
  const nn::classified seen = state_->look_at(x.images);
  Eigen::MatrixXd& all = state_->judged;
  all.conservativeResize(all.rows() + seen.features.rows(), seen.features.cols());
  all.bottomRows(seen.features.rows()) = seen.features;
  return {distance(seen.features, state_->unseen), nn::accuracy(seen, x.labels)};
}

joint_verdict judge::together() const
{
  const nn::kernel_estimate kernel = nn::kernel_distance(state_->judged, state_->unseen);
  return {distance(state_->judged, state_->unseen), kernel.value, kernel.standard_error};
}

}  // namespace examples
