/// @file
/// The measurement of a checkpoint's moments, as the programs `moments` and `moments_mpi` share it: options, network,
/// data, levels. Whatever number of threads or ranks does the work, its parts are these.
#pragma once

#include "fewstep/io/moments.hpp"
#include "fewstep/nn/images.hpp"
#include "fewstep/nn/network.hpp"
#include "fewstep/nn/workspace.hpp"
#include "fewstep/schedule/moment_table.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/statistics/moments.hpp"
#include "support/checkpoint.hpp"
#include "support/sprites.hpp"

#include <CLI/CLI.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace examples {

struct measurement_options {
  std::filesystem::path model = "models/fontdigits-ddpm", data = "data/fontdigits", out = "moments.json";
  std::size_t samples = 1000, levels = 0;
  std::string per = "sample";
  bool clipped = false;
  double relative_error = 0;
  std::uint64_t seed = 0;
};

void declare(CLI::App& app, measurement_options& o);

/// The sprites that a network was trained on as a data set, in rounds: tensors of one image of each digit, so that one
/// list of labels serves all of them. Made when they are asked for.
class sprite_rounds {
public:
  explicit sprite_rounds(const std::filesystem::path& folder) : all_(read_sprites(folder, train_sprites)) {}

  std::size_t size() const { return all_.images.count / 10; }

  fewstep::nn::images operator[](std::size_t round) const;

  /// Of the images in each round.
  std::vector<int> labels() const { return {all_.labels.begin(), all_.labels.begin() + 10}; }

private:
  labelled_images all_;
};

/// All that the work needs, checked.
struct measurement {
  fewstep::nn::network network;
  sprite_rounds data;
  std::vector<fewstep::noise_level> levels{};
  fewstep::moment_options options{};
  fewstep::moment_notes notes{};  ///< what must be the same when the measurement goes on
};

/// Throws std::invalid_argument or std::runtime_error if the data are not what the network was trained on.
measurement open_measurement(const measurement_options& o);

/// What is in a file already. Throws std::invalid_argument, with the path first, if it was measured otherwise.
fewstep::moment_table moments_so_far(const std::filesystem::path& path, const measurement& m);

/// The network at work on rounds of the data, on a thread of its own.
class round_denoiser {
public:
  explicit round_denoiser(const measurement& m);

  void operator()(const fewstep::nn::images& x, const fewstep::evaluation& at, fewstep::nn::images& out) const
  {
    network_(x, at, out);
  }

private:
  std::unique_ptr<fewstep::nn::workspace> workspace_;
  labelled_network network_;
};

}  // namespace examples
