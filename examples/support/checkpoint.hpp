/// @file
/// A checkpoint folder of diffusers as programs take it: a network, and the scheduler that it was trained with.
#pragma once

#include "fewstep/io/scheduler_config.hpp"
#include "fewstep/nn/images.hpp"
#include "fewstep/nn/lane.hpp"
#include "fewstep/nn/network.hpp"
#include "fewstep/nn/workspace.hpp"
#include "fewstep/schedule/noise_level.hpp"

#include <cstddef>
#include <filesystem>
#include <vector>

namespace examples {

struct checkpoint {
  fewstep::nn::network network;
  fewstep::scheduler_config schedule;
};

/// Throws std::runtime_error, with the path first, if a file is missing or not as it should be.
fewstep::scheduler_config read_scheduler(const std::filesystem::path& model);

/// The same for all of it.
checkpoint open_checkpoint(const std::filesystem::path& model);

/// The shape of a batch of images. Throws std::invalid_argument unless the network says what it was trained on, and
/// predicts what it is given.
fewstep::nn::images shape_of(const fewstep::nn::network& network, std::size_t count);

/// A network under one label for each image, or none if it has no classes: a denoiser.
class labelled_network {
public:
  /// Network and workspace must outlive it. Throws std::invalid_argument if the labels do not fit the network.
  labelled_network(const fewstep::nn::network& network, fewstep::nn::workspace& work, std::vector<int> labels);

  void operator()(const fewstep::nn::images& x, const fewstep::evaluation& at, fewstep::nn::images& out) const;

private:
  fewstep::nn::lane lane_;
};

}  // namespace examples
