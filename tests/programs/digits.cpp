/// @file
/// The digit sampler seen from the shell: what it draws, and that whatever is wrong with its input is one sentence,
/// exit status 2, and no output.
#include "fewstep/io/json.hpp"
#include "fewstep/io/safetensors.hpp"
#include "fewstep/io/safetensors_writer.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/program.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <vector>

using namespace fewstep;
namespace fs = std::filesystem;

namespace {

/// Runs `digits` with these arguments, in a folder.
test::outcome digits(const fs::path& folder, const std::string& arguments)
{
  return test::run_program("digits", folder, "--threads 1 " + arguments);
}

/// A copy of the checkpoint that a test may spoil.
fs::path copied_model(const fs::path& folder)
{
  fs::copy(test::in_repository("models/fontdigits-ddpm"), folder / "model", fs::copy_options::recursive);
  return folder / "model";
}

void replace(const fs::path& file, std::string_view from, std::string_view to)
{
  std::string text = test::content_of(file);
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  test::put(file, text.replace(at, from.size(), to));
}

const fs::path weights = "unet/diffusion_pytorch_model.safetensors", network = "unet/config.json",
               scheduler = "scheduler/scheduler_config.json";

/// Rewrites the weights with another header text.
void edit_header(const fs::path& model, const std::function<void(std::string&)>& edit)
{
  const std::string old = test::content_of(model / weights);
  std::uint64_t length = 0;
  std::memcpy(&length, old.data(), 8);
  std::string header = old.substr(8, length);
  edit(header);
  test::put(model / weights, test::little_endian(header.size()) + header + old.substr(8 + length));
}

std::string swapped(std::string text, std::string_view from, std::string_view to)
{
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

/// Writes the weights anew with one tensor changed, or left out.
void edit_tensor(const fs::path& model, std::string_view name, const std::function<bool(tensor_view&)>& keep)
{
  const safetensors_file file = safetensors_file::open(model / weights);
  std::vector<tensor_view> tensors;
  for (tensor_view view : file.tensors())
    if (view.name != name || keep(view)) tensors.push_back(view);
  const std::string text = safetensors_text(tensors);
  test::put(model / weights, text);
}

struct bad_input {
  const char* name;
  const char* arguments;
  std::function<void(const fs::path& model)> spoil;
  std::vector<std::string> says;
};

const auto nothing = [](const fs::path&) {};

const std::vector<bad_input>& bad_inputs()
{
  static const std::vector<float> nan(24 * 9, std::numeric_limits<float>::quiet_NaN());
  static const std::vector<float> zeros(std::size_t{2} * 24 * 9), two_zeros(2);
  static const std::vector<std::int64_t> whole(24 * 9, 1);
  static const std::vector<bad_input> list{
      {"no steps", "--steps 0", nothing, {"[1, 1000]", "is 0"}},
      {"too many steps", "--steps 1001", nothing, {"[1, 1000]", "1001"}},
      {"steps that are no number", "--steps ten", nothing, {"--steps", "ten"}},
      {"negative eta", "--eta -0.1", nothing, {"eta", "[0, 1]", "-0.1"}},
      {"eta above 1", "--eta 1.5", nothing, {"eta", "1.5"}},
      {"eta that is no number", "--eta nan", nothing, {"eta", "nan"}},
      {"class above the last", "--class 11", nothing, {"class", "11"}},
      {"negative class number", "--class -1", nothing, {"class", "-1"}},
      {"negative condition above the last", "--negative-class 12", nothing, {"class", "12"}},
      {"infinite guidance", "--guidance inf", nothing, {"guidance", "inf"}},
      {"no images", "--count 0", nothing, {"--count"}},
      {"no threads", "--threads 0", nothing, {"threads", "0"}},
      {"unknown sampler", "--sampler magic", nothing, {"--sampler", "magic"}},
      {"unknown spacing", "--spacing odd", nothing, {"--spacing", "odd"}},
      {"unknown option", "--colour red", nothing, {"--colour"}},
      {"output folder that is not there", "--out no/such/folder.png", nothing, {"no/such/folder.png"}},
      {"output that is a folder", "--out model", nothing, {"model", "folder"}},
      {"saved state in a folder that is not there", "--checkpoint no/state", nothing, {"no/state"}},
      {"a model that is not there, with a trace", "--model nowhere --trace plan.json", nothing, {"nowhere"}},
      {"trace in a folder that is not there", "--trace no/plan.json", nothing, {"no/plan.json"}},
      {"resuming from nothing", "--resume missing.state", nothing, {"missing.state", "no such file"}},
      {"resuming from another kind of file", "--resume model/model_index.json", nothing, {"model_index.json"}},
      {"resuming from weights", "--resume model/unet/diffusion_pytorch_model.safetensors", nothing, {"no saved run"}},
      {"no such model", "--model nowhere", nothing, {"nowhere"}},
      {"a model that is a file", "--model model/model_index.json", nothing, {"model_index.json"}},
      {"a folder that is no model", "--model .", nothing, {"model_index.json"}},
      {"an index that is no JSON", "", [](auto& m) { test::put(m / "model_index.json", "{]"); }, {"model_index.json"}},
      {"no scheduler", "", [](auto& m) { fs::remove(m / scheduler); }, {"scheduler_config.json"}},
      {"no time steps",
       "",
       [](auto& m) { replace(m / scheduler, "\"num_train_timesteps\": 1000", "\"num_train_timesteps\": 0"); },
       {"num_train_timesteps", "at least 1", "0"}},
      {"a beta that is not finite",
       "",
       [](auto& m) { replace(m / scheduler, "\"beta_start\": 0.0001", "\"beta_start\": 1e999"); },
       {"scheduler_config.json"}},
      {"a beta above 1",
       "",
       [](auto& m) { replace(m / scheduler, "\"beta_end\": 0.02", "\"beta_end\": 3"); },
       {"[0, 1]"}},
      {"unknown scheduler",
       "",
       [](auto& m) { replace(m / scheduler, "DDPMScheduler", "MagicScheduler"); },
       {"_class_name", "MagicScheduler"}},
      {"unknown prediction",
       "",
       [](auto& m) { replace(m / scheduler, "\"epsilon\"", "\"guess\""); },
       {"prediction_type", "guess"}},
      {"no network", "", [](auto& m) { fs::remove(m / network); }, {"config.json"}},
      {"unknown block",
       "",
       [](auto& m) { replace(m / network, "\"AttnDownBlock2D\"", "\"MagicBlock2D\""); },
       {"down_block_types", "MagicBlock2D"}},
      {"a level too few",
       "",
       [](auto& m) { replace(m / network, "    48,\n    96", "    48"); },
       {"block_out_channels"}},
      {"groups that do not divide",
       "",
       [](auto& m) { replace(m / network, "\"norm_num_groups\": 8", "\"norm_num_groups\": 7"); },
       {"norm_num_groups", "7"}},
      {"heads that do not divide",
       "",
       [](auto& m) { replace(m / network, "\"attention_head_dim\": 16", "\"attention_head_dim\": 17"); },
       {"attention_head_dim", "17"}},
      {"unknown activation", "", [](auto& m) { replace(m / network, "\"silu\"", "\"wavy\""); }, {"act_fn", "wavy"}},
      {"no size of images",
       "--trace plan.json",
       [](auto& m) { replace(m / network, "\"sample_size\": 32", "\"sample_size\": null"); },
       {"sample_size"}},
      {"a network that predicts more than it is given",
       "--trace plan.json",
       [](auto& m) {
         replace(m / network, "\"out_channels\": 1,", "\"out_channels\": 2,");
         edit_tensor(m, "conv_out.weight", [](auto& view) {
           return view = view_of("conv_out.weight", zeros, {2, 24, 3, 3}), true;
         });
         edit_tensor(m, "conv_out.bias",
                     [](auto& view) { return view = view_of("conv_out.bias", two_zeros, {2}), true; });
       },
       {"channels", "1", "2"}},
      {"no weights", "", [](auto& m) { fs::remove(m / weights); }, {"safetensors"}},
      {"empty weights", "", [](auto& m) { test::put(m / weights, ""); }, {"safetensors"}},
      {"truncated weights",
       "",
       [](auto& m) { fs::resize_file(m / weights, fs::file_size(m / weights) - 4); },
       {"safetensors"}},
      {"oversized weights",
       "",
       [](auto& m) { fs::resize_file(m / weights, fs::file_size(m / weights) + 4); },
       {"safetensors"}},
      {"a header of 2^63 bytes",
       "",
       [](auto& m) { test::put(m / weights, test::little_endian(std::uint64_t{1} << 63) + "{}"); },
       {"safetensors", "9223372036854775808"}},
      {"a header that is no JSON",
       "",
       [](auto& m) { test::put(m / weights, test::little_endian(2) + "{]"); },
       {"safetensors"}},
      {"a name that occurs twice",
       "",
       [](auto& m) { edit_header(m, [](std::string& h) { h = swapped(h, "\"conv_out.bias\"", "\"conv_in.bias\""); }); },
       {"conv_in.bias"}},
      {"a missing tensor",
       "",
       [](auto& m) { edit_tensor(m, "mid_block.resnets.1.conv2.bias", [](auto&) { return false; }); },
       {"mid_block.resnets.1.conv2.bias"}},
      {"a tensor of another shape",
       "",
       [](auto& m) { edit_tensor(m, "conv_in.weight", [](auto& view) {
                       return view.shape = {24, 9, 1, 1}, true;
                     }); },
       {"conv_in.weight", "[24, 1, 3, 3]", "[24, 9, 1, 1]"}},
      {"a tensor of whole numbers",
       "",
       [](auto& m) {
         edit_tensor(m, "conv_in.weight", [](auto& view) {
           return view = view_of("conv_in.weight", whole, {24, 1, 3, 3}), true;
         });
       },
       {"conv_in.weight", "I64"}},
      {"weights that are NaN",
       "",
       [](auto& m) {
         edit_tensor(m, "conv_in.weight", [](auto& view) {
           return view = view_of("conv_in.weight", nan, {24, 1, 3, 3}), true;
         });
       },
       {"not finite", "row 0", "t = 999"}},
      {"overlapping tensors",
       "",
       [](auto& m) {
         edit_header(m, [](std::string& h) {  // two tensors of one size in one place
           const auto offsets = [&](std::string_view name) {
             const std::size_t at = h.find("\"data_offsets\":", h.find(name));
             return std::pair(at, h.find(']', at) - at);
           };
           const auto [from, length] = offsets("\"conv_in.bias\"");
           const auto [to, old] = offsets("\"conv_norm_out.bias\"");
           h.replace(to, old, h.substr(from, length));
         });
       },
       {"conv_norm_out.bias", "inside another"}},
  };
  return list;
}

}  // namespace

TEST_CASE("whatever is wrong with its input, the sampler says so in one sentence and leaves nothing behind",
          "[programs]")
{
  REQUIRE(bad_inputs().size() >= 40);
  const fs::path folder = test::empty_folder("digits_bad");
  for (const bad_input& bad : bad_inputs()) {
    fs::remove_all(folder / "model");
    bad.spoil(copied_model(folder));
    std::string arguments = bad.arguments;
    if (arguments.find("--model") == std::string::npos) arguments += " --model model";
    if (arguments.find("--out") == std::string::npos) arguments += " --out picture.png";
    const auto [status, output, errors] = digits(folder, "--steps 2 --count 2 " + arguments);
    CAPTURE(bad.name, errors);
    REQUIRE(status == 2);
    REQUIRE(output.empty());
    REQUIRE(std::count(errors.begin(), errors.end(), '\n') == 1);
    REQUIRE(errors.starts_with("digits: "));
    for (const std::string& part : bad.says) REQUIRE(test::contains(errors, part));
    for (const fs::path& left : fs::directory_iterator(folder))
      REQUIRE((left.filename() == "model" || left.extension() == ".txt"));
  }
}

TEST_CASE("the sampler writes its picture and its plan, and one line of timing", "[programs]")
{
  const fs::path folder = test::empty_folder("digits_good");
  const std::string model = " --model '" + test::in_repository("models/fontdigits-ddpm").string() + "'";
  const auto [status, output, errors] =
      digits(folder, "--steps 3 --count 4 --class 3 --out three.png --trace plan.json" + model);
  CAPTURE(errors);
  REQUIRE(status == 0);
  REQUIRE(errors.empty());  // no progress bar where nobody watches
  REQUIRE(std::count(output.begin(), output.end(), '\n') == 1);
  REQUIRE(test::contains(output, "6 evaluations"));
  REQUIRE(test::content_of(folder / "three.png").starts_with("\x89PNG"));
  REQUIRE(json::read_file(folder / "plan.json").find("rows")->get_if<json::array>()->size() == 3);
}

TEST_CASE("a sampler that is killed after any row goes on to the same picture", "[programs]")
{
  const fs::path folder = test::empty_folder("digits_resume");
  const std::string same =
      "--steps 4 --count 3 --eta 1 --seed 9 --model '" + test::in_repository("models/fontdigits-ddpm").string() + "' ";
  REQUIRE(digits(folder, same + "--out whole.png --checkpoint all.state").status == 0);
  REQUIRE(digits(folder, same + "--out again.png --resume all.state").status == 0);
  REQUIRE(test::content_of(folder / "again.png") == test::content_of(folder / "whole.png"));

  // a limit on file size ends the program while it writes the state of a later row; here: kill it when a state appears
  const std::string killed = "cd '" + folder.string() + "' && ('" FEWSTEP_PROGRAMS_DIR "/digits' --threads 1 " + same +
                             "--out killed.png --checkpoint part.state >/dev/null 2>&1 & pid=$!; "
                             "while [ ! -e part.state ]; do :; done; kill -9 $pid; wait $pid 2>/dev/null); true";
  REQUIRE(std::system(killed.c_str()) == 0);
  REQUIRE(digits(folder, same + "--out killed.png --resume part.state --checkpoint part.state").status == 0);
  REQUIRE(test::content_of(folder / "killed.png") == test::content_of(folder / "whole.png"));

  const auto [status, output, errors] = digits(folder, same + "--out no.png --resume all.state --seed 10");
  REQUIRE(status == 2);
  REQUIRE(test::contains(errors, "--seed 9"));
  REQUIRE(test::contains(digits(folder, same + "--out no.png --resume all.state --steps 5").errors, "another plan"));
}
