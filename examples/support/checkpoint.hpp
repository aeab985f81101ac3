/// @file
/// A checkpoint folder of diffusers as programs take it: a network, and the scheduler that it was trained with.
#pragma once

#include "fewstep/io/diffusers.hpp"
#include "fewstep/io/scheduler_config.hpp"
#include "fewstep/nn/images.hpp"
#include "fewstep/nn/load.hpp"
#include "fewstep/nn/network.hpp"

#include <cstddef>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>

namespace examples {

struct checkpoint {
  fewstep::nn::network network;
  fewstep::scheduler_config schedule;
};

/// Throws std::runtime_error, with the path first, if a file is missing or not as it should be.
inline fewstep::scheduler_config read_scheduler(const std::filesystem::path& model)
{
  const auto folder = fewstep::open_diffusers(model);
  if (!folder.scheduler_config) throw std::runtime_error(model.string() + ": has no scheduler/scheduler_config.json");
  return fewstep::read_scheduler_config(*folder.scheduler_config);
}

/// The same for all of it.
inline checkpoint open_checkpoint(const std::filesystem::path& model)
{
  const auto folder = fewstep::open_diffusers(model);
  fewstep::scheduler_config schedule = read_scheduler(model);
  return {fewstep::nn::load_unet({folder.unet_config, folder.unet_weights}).net, std::move(schedule)};
}

/// The shape of a batch of images. Throws std::invalid_argument unless the network says what it was trained on, and
/// predicts what it is given.
inline fewstep::nn::images shape_of(const fewstep::nn::network& network, std::size_t count)
{
  if (network.sample_size.size() != 2)
    throw std::invalid_argument("the network's config.json must give its sample_size, height and width");
  if (network.out_channels != network.in_channels)
    throw std::invalid_argument("the network must predict as many channels as it takes, " +
                                std::to_string(network.in_channels) + ", but predicts " +
                                std::to_string(network.out_channels));
  return {count, network.in_channels, network.sample_size[0], network.sample_size[1]};
}

}  // namespace examples
