#include "support/checkpoint.hpp"

#include "fewstep/io/diffusers.hpp"
#include "fewstep/nn/load.hpp"

#include <stdexcept>
#include <string>
#include <utility>

namespace examples {

fewstep::scheduler_config read_scheduler(const std::filesystem::path& model)
{
  const auto folder = fewstep::open_diffusers(model);
  if (!folder.scheduler_config) throw std::runtime_error(model.string() + ": has no scheduler/scheduler_config.json");
  return fewstep::read_scheduler_config(*folder.scheduler_config);
}

checkpoint open_checkpoint(const std::filesystem::path& model)
{
  const auto folder = fewstep::open_diffusers(model);
  fewstep::scheduler_config schedule = read_scheduler(model);
  return {fewstep::nn::load_unet({folder.unet_config, folder.unet_weights}).net, std::move(schedule)};
}

fewstep::nn::images shape_of(const fewstep::nn::network& network, std::size_t count)
{
  if (network.sample_size.size() != 2)
    throw std::invalid_argument("the network's config.json must give its sample_size, height and width");
  if (network.out_channels != network.in_channels)
    throw std::invalid_argument("the network must predict as many channels as it takes, " +
                                std::to_string(network.in_channels) + ", but predicts " +
                                std::to_string(network.out_channels));
  return {count, network.in_channels, network.sample_size[0], network.sample_size[1]};
}

labelled_network::labelled_network(const fewstep::nn::network& network, fewstep::nn::workspace& work,
                                   std::vector<int> labels) :
    lane_(network, work, {.class_labels = std::move(labels)})
{
}

void labelled_network::operator()(const fewstep::nn::images& x, const fewstep::evaluation& at,
                                  fewstep::nn::images& out) const
{
  lane_(x, at, out);
}

}  // namespace examples
