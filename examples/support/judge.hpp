/// @file
/// How good images are in the eyes of the small classifier: what programs that measure share.
#pragma once

#include "support/sprites.hpp"

#include <CLI/CLI.hpp>

#include <cstddef>
#include <filesystem>
#include <memory>

namespace examples {

/// Where a judge finds what it needs, and keeps what took it long.
struct judge_options {
  std::filesystem::path classifier = "models/fontdigits-classifier", data = "data/fontdigits", keep = "build/results";
  std::size_t threads = 2;
};

void declare(CLI::App& app, judge_options& o);

/// What a set of images is worth: its Frechet distance to the unseen images in the classifier's features, and the part
/// of it that the classifier takes for what its labels say.
struct verdict {
  double frechet, accuracy;
};

/// The same of several sets together, with the unbiased kernel distance and its standard error.
struct joint_verdict {
  double frechet, kernel, kernel_standard_error;
};

/// The classifier, its features of all unseen images, and those of the sets that it judged. What multiplies matrices is
/// compiled once for all programs, in judge.cpp.
class judge {
public:
  explicit judge(const judge_options& o);
  judge(const judge&) = delete;
  judge& operator=(const judge&) = delete;
  ~judge();

  verdict operator()(const labelled_images& x);

  /// Of all sets so far.
  joint_verdict together() const;

private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace examples
