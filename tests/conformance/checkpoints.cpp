#include "engine.hpp"
#include "networks.hpp"

#include "fewstep/denoiser/clipping.hpp"
#include "fewstep/denoiser/conversion.hpp"
#include "fewstep/io/diffusers.hpp"
#include "fewstep/io/safetensors.hpp"
#include "fewstep/io/scheduler_config.hpp"
#include "fewstep/io/tensor_numbers.hpp"
#include "fewstep/nn/images.hpp"
#include "fewstep/nn/lane.hpp"
#include "fewstep/nn/load.hpp"
#include "fewstep/nn/network.hpp"
#include "fewstep/nn/workspace.hpp"
#include "fewstep/plan/ddim.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/sample.hpp"
#include "fewstep/schedule/grids.hpp"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace conformance {

namespace {

namespace nn = fewstep::nn;
using fewstep::safetensors_file;

constexpr double call_tolerance = 1e-4, state_tolerance = 1e-3;

std::vector<int> labels_at(const safetensors_file& file, const char* name)
{
  const auto* labels = file.find(name);
  return labels ? labels_of(*labels) : std::vector<int>{};
}

void compare_calls(const safetensors_file& reference, const nn::network& net, nn::workspace& work, comparison& all)
{
  const nn::lane lane(net, work,
                      {.class_labels = labels_at(reference, "call.class_labels"),
                       .timesteps = to_double(reference.at("call.timestep"))});
  const images y = fewstep::evaluate(lane, images_of(reference.at("call.sample")), at_time(0));
  all.add("call.output", doubles(y.values), to_double(reference.at("call.output")), call_tolerance);
}

/// The network on states in double: its input is rounded to float.
class rounding_lane {
public:
  rounding_lane(const nn::lane& lane, images shape) : lane_(&lane), in_(std::move(shape)) {}

  void operator()(const numbers& x, const fewstep::evaluation& at, numbers& out)
  {
    for (std::size_t k = 0; k < x.size(); ++k) in_.values[k] = static_cast<float>(x[k]);
    (*lane_)(in_, at, out_);
    out.assign(out_.values.begin(), out_.values.end());
  }

private:
  const nn::lane* lane_;
  images in_, out_{};
};

/// DDIM along the recorded times, to the data, clipped with the unclipped direction.
void compare_states(const safetensors_file& reference, const fewstep::scheduler_config& scheduler,
                    const nn::network& net, nn::workspace& work, comparison& all)
{
  const numbers times = to_double(reference.at("ddim.timesteps"));
  const fewstep::sampling_plan plan = fewstep::ddim(grid_at(fewstep::table_of(scheduler), times));
  const nn::lane lane(net, work, {.class_labels = labels_at(reference, "ddim.class_labels")});
  auto denoise = fewstep::clipped_keeping_direction(
      fewstep::converted(rounding_lane(lane, images_of(reference.at("ddim.initial"))), scheduler.predicts,
                         plan.predicts),
      scheduler.bounds ? scheduler.bounds->limit : 1.0);
  const auto compare = [&](const fewstep::evaluation& at, const numbers&, const numbers& x) {
    const std::string name = "ddim.state." + std::to_string(at.row);
    all.add(name, x, to_double(reference.at(name)), state_tolerance);
  };
  fewstep::sample(plan, to_double(reference.at("ddim.initial")), denoise, fewstep::no_noise{}, compare);
}

}  // namespace

outcome check_checkpoint(const std::filesystem::path& folder)
{
  const fewstep::diffusers_folder found = fewstep::open_diffusers(folder);
  if (!found.scheduler_config) throw mismatch("the checkpoint names no scheduler");
  const auto reference = safetensors_file::open(folder / "reference.safetensors");
  const auto scheduler = fewstep::read_scheduler_config(*found.scheduler_config);
  const nn::network net = nn::load_unet(folder).net;
  nn::workspace work;
  comparison all;
  compare_calls(reference, net, work, all);
  compare_states(reference, scheduler, net, work, all);
  return all.result();
}

}  // namespace conformance
