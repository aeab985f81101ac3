/// @file
/// How good images are in the eyes of the small classifier: what programs that measure share.
#pragma once

#include "fewstep/nn/classifier.hpp"
#include "fewstep/nn/images.hpp"

#include <CLI/CLI.hpp>
#include <Eigen/Core>

#include <cstddef>
#include <filesystem>

namespace examples {

/// Where a judge finds what it needs, and keeps what took it long.
struct judge_options {
  std::filesystem::path classifier = "models/fontdigits-classifier", data = "data/fontdigits", keep = "build/results";
  std::size_t threads = 2;
};

void declare(CLI::App& app, judge_options& o);

/// The classifier, and its features of all unseen images.
class judge {
public:
  explicit judge(judge_options o);

  /// Features and logits.
  fewstep::nn::classified operator()(const fewstep::nn::images& x) const;

  const Eigen::MatrixXd& unseen() const { return unseen_; }

private:
  judge_options options_;
  fewstep::nn::classifier classifier_;
  Eigen::MatrixXd unseen_{};
};

}  // namespace examples
