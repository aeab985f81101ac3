#include "networks.hpp"

#include "engine.hpp"
#include "golden.hpp"

#include "fewstep/denoiser/precondition.hpp"
#include "fewstep/io/diffusers.hpp"
#include "fewstep/io/file.hpp"
#include "fewstep/io/safetensors.hpp"
#include "fewstep/io/tensor_numbers.hpp"
#include "fewstep/nn/conditioning.hpp"
#include "fewstep/nn/embedding.hpp"
#include "fewstep/nn/encoded_text.hpp"
#include "fewstep/nn/feature.hpp"
#include "fewstep/nn/lane.hpp"
#include "fewstep/nn/load.hpp"
#include "fewstep/nn/network.hpp"
#include "fewstep/nn/workspace.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "fewstep/tensor/measure.hpp"
#include "fewstep/unet/branch.hpp"
#include "fewstep/unet/deep_cache.hpp"
#include "fewstep/unet/refresh.hpp"
#include "fewstep/unet/skip_tuning.hpp"
#include "fewstep/unet/unet.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace conformance {

namespace {

namespace fs = std::filesystem;
namespace nn = fewstep::nn;
using fewstep::evaluation;
using fewstep::safetensors_file;

/// A folder, opened.
struct network_case {
  fs::path folder;
  json expect;
  safetensors_file io;
  nn::network net;
  nn::conditioning condition{};
};

/// Throws unsupported for inputs that are not handed to the network below.
void require_known_inputs(const safetensors_file& io)
{
  constexpr std::array<std::string_view, 15> known{
      "sample",        "timestep",  "class_labels", "encoder_hidden_states", "text_embeds", "time_ids",
      "timestep_cond",  // the waves of
      "guidance_w",    "emb",       "output",       "output_double",         "sigma",       "net_input",
      "noise_labels",  "net_output"};
  for (const auto& tensor : io.tensors())
    if (std::find(known.begin(), known.end(), tensor.name) == known.end())
      throw unsupported("the input \"" + tensor.name + "\" is not known");
}

/// Loads the network. Throws unsupported with the engine's sentence if it refuses the configuration.
nn::network load(const fewstep::model_files& files)
{
  try {
    return nn::load_unet(files).net;
  } catch (const std::runtime_error& refused) {
    const std::string sentence = refused.what(), place = files.config.string();
    if (!sentence.starts_with(place)) throw;
    throw unsupported(files.config.filename().string() + sentence.substr(place.size()));
  }
}

nn::encoded_text text_of(const fewstep::tensor_view& view)
{
  const auto& s = view.shape;
  if (s.size() < 2 || s.size() > 3) throw mismatch(view.name + " holds no text");
  return {s[0], s.size() == 3 ? s[1] : 1, s.back(), to_float(view)};
}

/// What is asked for besides the time; what a file does not record is as in `out`.
nn::conditioning condition_of(const nn::network& net, const safetensors_file& io, nn::conditioning out = {})
{
  if (const auto* classes = io.find("class_labels")) {
    if (nn::class_count(net.conditions) > 0)
      out.class_labels = classes->shape.size() == 2 ? labels_of_one_hot(*classes) : labels_of(*classes);
    else
      out.class_values = to_double(*classes);
  }
  if (const auto* text = io.find("encoder_hidden_states")) out.text = text_of(*text);
  if (const auto* pooled = io.find("text_embeds")) out.pooled = text_of(*pooled);
  if (const auto* sizes = io.find("time_ids")) out.picture_sizes = to_double(*sizes);
  if (const auto* weights = io.find("guidance_w")) out.guidance = to_double(*weights);
  return out;
}

network_case open(const fs::path& folder)
{
  const fs::path config = folder / "config.json", expect = folder / "expect.json";
  nn::network net = load({config, folder / "model.safetensors"});
  safetensors_file io = safetensors_file::open(folder / "io.safetensors");
  require_known_inputs(io);
  json document = fs::exists(expect) ? json::parse(fewstep::read_text(expect), nullptr, false) : json::object();
  if (!document.is_object()) throw mismatch("expect.json is no JSON object");
  nn::conditioning condition = condition_of(net, io);
  return {folder, std::move(document), std::move(io), std::move(net), std::move(condition)};
}

/// The member `key`, or an empty object.
json object_at(const json& object, std::string_view key)
{
  const json& found = member(object, key);
  return found.is_object() ? found : json::object();
}

/// The `suggested_atol` of an entry, `fallback` where there is none.
double tolerance_of(const json& entry, double fallback = 1e-4)
{
  const json& value = member(entry, "suggested_atol");
  return value.is_number() ? value.get<double>() : fallback;
}

/// One evaluation at `times`: one for each image, or one for all.
template <class J, class C>
numbers evaluate(const network_case& golden, nn::conditioning condition, nn::workspace& work, const images& x,
                 numbers times, std::size_t row, J&& join, C&& cache)
{
  if (times.empty()) throw mismatch("there is no time");
  const evaluation at{{times.front(), 1, 0}, row, times.front()};
  if (times.size() > 1) condition.timesteps = std::move(times);
  const nn::lane lane(golden.net, work, std::move(condition));
  return doubles(fewstep::evaluate(lane, x, at, join, cache).values);
}

/// The data that a preconditioned network predicts, each image at its own sigma.
template <class J>
numbers predict_data(const network_case& golden, nn::workspace& work, J&& join)
{
  const images all = images_of(golden.io.at("sample"));
  const numbers sigmas = to_double(golden.io.at("sigma"));
  if (sigmas.size() != all.count) throw mismatch("there is no sigma for every image");
  numbers data;
  for (std::size_t k = 0; k < all.count; ++k) {
    nn::conditioning condition = golden.condition;
    if (!condition.class_labels.empty()) condition.class_labels = {golden.condition.class_labels.at(k)};
    const nn::lane lane(golden.net, work, std::move(condition));
    const auto network = [&](const images& x, const evaluation& at, images& out) { lane(x, at, out, join); };
    const images x{1, all.channels, all.height, all.width, image_of(all, k)};
    images out = x;
    preconditioned(network, golden.net.preconditioning.value())(x, {fewstep::edm_schedule{}(sigmas[k])}, out);
    data.insert(data.end(), out.values.begin(), out.values.end());
  }
  return data;
}

/// The same for the recorded inputs of the case.
template <class J>
numbers evaluate(const network_case& golden, nn::workspace& work, J&& join)
{
  if (golden.net.preconditioning) return predict_data(golden, work, join);
  return evaluate(golden, golden.condition, work, images_of(golden.io.at("sample")),
                  to_double(golden.io.at("timestep")), 0, join, fewstep::no_cache{});
}

/// The factors of a run, 1 where it names none.
fewstep::skip_tuning<> scales_of(const json& run, const network_case& golden)
{
  if (!run.contains("rho_by_push_index")) return fewstep::skip_tuning<>(numbers(golden.net.connections.size(), 1.0));
  return fewstep::skip_tuning<>(list(run["rho_by_push_index"], "rho_by_push_index"));
}

/// Compares what meets at each connection of a batch with what was recorded of it: numbers, or their norms.
class meeting_point {
public:
  meeting_point(const network_case& golden, double tolerance, comparison& all) : tolerance_(tolerance), all_(all)
  {
    if (const fs::path file = golden.folder / "features.safetensors"; fs::exists(file))
      features_ = safetensors_file::open(file);
    table_ = object_at(golden.expect, "skips").value("table", json::array());
  }

  void operator()(std::size_t i, const nn::feature& deep, nn::feature& skip, const evaluation&)
  {
    compare_numbers("skip." + std::to_string(i), skip);
    compare_numbers("decoder." + std::to_string(i), deep);
    for (const json& row : table_)
      if (count(row, "push_index") == i) {
        compare_norm(row, "skip_l2", skip);
        compare_norm(row, "decoder_l2", deep);
      }
  }

private:
  void compare_numbers(const std::string& name, const nn::feature& ours)
  {
    if (!features_ || !features_->find(name)) return;
    const numbers theirs = to_double(features_->at(name));
    all_.add(name, channels_first(ours), theirs, tolerance_ * std::max(1.0, largest(theirs)));
  }

  void compare_norm(const json& row, const std::string& name, const nn::feature& ours)
  {
    const double theirs = number(member(row, name), name);
    all_.add(name + " of " + std::to_string(count(row, "push_index")), fewstep::norm(ours), theirs,
             tolerance_ * theirs);
  }

  double tolerance_;
  comparison& all_;
  std::optional<safetensors_file> features_{};
  json table_{};
};

/// ||a - b|| / ||b||.
double relative_distance(const numbers& a, const numbers& b)
{
  double apart = 0, size = 0;
  for (std::size_t k = 0; k < b.size(); ++k) apart += (a.at(k) - b[k]) * (a.at(k) - b[k]), size += b[k] * b[k];
  return std::sqrt(apart / size);
}

/// The output, of a preconditioned network both its own and the data, and what meets at each connection; against
/// numbers in double, if there are, within 1e-5 of their size.
void compare_output(const network_case& golden, nn::workspace& work, comparison& all)
{
  const json tolerances = object_at(golden.expect, "tolerances");
  const double tolerance = tolerance_of(object_at(tolerances, "output"));
  meeting_point look(golden, tolerance, all);
  const bool preconditioned = golden.net.preconditioning.has_value();
  if (preconditioned)
    all.add("net_output",
            evaluate(golden, golden.condition, work, images_of(golden.io.at("net_input")),
                     to_double(golden.io.at("noise_labels")), 0, look, fewstep::no_cache{}),
            to_double(golden.io.at("net_output")), tolerance_of(object_at(tolerances, "net_output")));
  const numbers y = preconditioned ? evaluate(golden, work, fewstep::plain_join{}) : evaluate(golden, work, look);
  for (const char* name : {"output", "output_double"})
    if (golden.io.find(name)) all.add(name, y, to_double(golden.io.at(name)), tolerance);
  if (golden.io.find("output_double"))
    all.add("distance from output_double, relative", relative_distance(y, to_double(golden.io.at("output_double"))), 0,
            1e-5);
}

void compare_skip_tuning(const network_case& golden, nn::workspace& work, comparison& all)
{
  const json section = object_at(golden.expect, "skip_tuning");
  if (section.empty()) return;
  const auto file = safetensors_file::open(golden.folder / "skip_tuning.safetensors");
  for (const json& run : member(section, "runs")) {
    const std::string output = text(run, "output_tensor");
    const numbers y = evaluate(golden, work, scales_of(run, golden));
    all.add(output, y, to_double(file.at(output)), tolerance_of(object_at(run, "tolerance")));
  }
}

/// Where a run cuts the network. The official implementations count differently.
std::size_t branch_of(const json& run)
{
  if (run.contains("cache_branch_id")) return fewstep::branch_of_helper(count(run, "cache_branch_id"));
  return fewstep::branch_of_ddpm(count(run, "branch"));
}

void compare_cached_run(const network_case& golden, const safetensors_file& file, const json& run, double tolerance,
                        nn::workspace& work, comparison& all)
{
  const std::string output = text(run, "output_tensor");
  const numbers times = to_double(file.at("timesteps"));
  const auto scales = scales_of(run, golden);
  const nn::conditioning condition = condition_of(golden.net, file, golden.condition);
  fewstep::deep_cache<nn::feature> cache(
      {.branch = branch_of(run), .refresh = fewstep::at_rows(counts(run, "full_steps"))});
  for (std::size_t step = 0; step < times.size(); ++step) {
    const numbers y =
        evaluate(golden, condition, work, images_of(file.at("sample"), step), {times[step]}, step, scales, cache);
    all.add(output + " of step " + std::to_string(step), y, doubles(images_of(file.at(output), step).values),
            tolerance);
    const std::string branch = (run.contains("branch") ? member(run, "branch") : member(run, "cache_branch_id")).dump();
    const auto* feature = file.find("cached_feature.branch" + branch + ".step0");
    if (step > 0 || !feature || run.contains("rho_by_push_index")) continue;
    const numbers theirs = to_double(*feature);
    all.add(feature->name, channels_first(cache.kept().value().feature), theirs,
            tolerance * std::max(1.0, largest(theirs)));
  }
}

void compare_deep_cache(const network_case& golden, nn::workspace& work, comparison& all)
{
  for (const char* name : {"deepcache_ddpm", "deepcache_extension"}) {
    const json section = object_at(golden.expect, name);
    if (section.empty()) continue;
    const auto file = safetensors_file::open(golden.folder / (std::string(name) + ".safetensors"));
    const double tolerance = tolerance_of(object_at(section, "tolerances"));
    for (const json& run : member(section, "runs")) compare_cached_run(golden, file, run, tolerance, work, all);
  }
}

}  // namespace

outcome check_network(const fs::path& folder)
{
  const network_case golden = open(folder);
  nn::workspace work;
  comparison all;
  compare_output(golden, work, all);
  compare_skip_tuning(golden, work, all);
  compare_deep_cache(golden, work, all);
  return all.result();
}

}  // namespace conformance
