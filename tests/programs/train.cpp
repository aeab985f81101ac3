/// @file
/// The trainer seen from the shell: what it writes, that a stopped run ends as if it had not been, and that wrong input
/// is one sentence and exit status 2. It is there only where LibTorch is.
#include "fewstep/io/half.hpp"
#include "fewstep/io/plans.hpp"
#include "fewstep/io/safetensors.hpp"
#include "fewstep/io/tensor_numbers.hpp"
#include "fewstep/io/tensor_view.hpp"
#include "fewstep/plan/phased.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/program.hpp"

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

using namespace fewstep;
namespace fs = std::filesystem;

namespace {

bool is_built()
{
  return fs::exists(FEWSTEP_PROGRAMS_DIR "/train_digits");
}

const std::string tiny = "--steps 2 --batch 2 --images 20 --save-every 1 --preview 0 --log-every 1 --threads 1 ";

test::outcome trained(const fs::path& folder, const std::string& arguments)
{
  const auto in = [](const char* name) { return "'" + test::in_repository(name).string() + "' "; };
  return test::run_program("train_digits", folder,
                           "--data " + in("data/fontdigits") + "--init " + in("models/fontdigits-ddpm") +
                               "--classifier " + in("models/fontdigits-classifier") + tiny + arguments);
}

const fs::path weights_file = "unet/diffusion_pytorch_model.safetensors";

}  // namespace

TEST_CASE("a stopped run that goes on ends with the bits of one that was not stopped", "[programs]")
{
  if (!is_built()) return;
  const fs::path folder = test::empty_folder("train_resume");
  for (const std::string how : {"--objective consistency --times 4 --augment 1 ",
                                "--objective consistency-training --times 10 --metric features ",
                                "--objective phased --times 4 --phases 2 --adversarial 0.1 ",
                                "--objective phased --times 4 --phases 1 --clipped --guidance 2 --adversarial 0.1 "
                                "--adversarial-real data --adversarial-together "}) {
    CAPTURE(how);
    fs::remove_all(folder / "whole"), fs::remove_all(folder / "parts");
    const auto whole = trained(folder, how + "--out whole");
    REQUIRE(whole.errors.empty());
    REQUIRE(whole.status == 0);
    REQUIRE(trained(folder, how + "--minutes 1e-9 --out parts").output.starts_with("parts: 1 of 2 steps"));
    REQUIRE(trained(folder, how + "--resume --out parts").status == 0);
    REQUIRE(test::content_of(folder / "parts" / weights_file) == test::content_of(folder / "whole" / weights_file));
    REQUIRE(test::content_of(folder / "parts/losses.csv") == test::content_of(folder / "whole/losses.csv"));
    const auto taught = test::in_repository("models/fontdigits-ddpm") / weights_file;
    REQUIRE(test::content_of(folder / "parts" / weights_file) != test::content_of(taught));
  }
}

TEST_CASE("a metric changes what is learnt, and a run goes on with its own only", "[programs]")
{
  if (!is_built()) return;
  const fs::path folder = test::empty_folder("train_metric");
  const std::string how = "--objective consistency-training --times 10 --steps 1 --out ";
  REQUIRE(trained(folder, how + "usual").status == 0);
  REQUIRE(trained(folder, how + "named --metric pseudo-huber").status == 0);
  REQUIRE(trained(folder, how + "features --metric features").status == 0);
  const auto losses = [&](const char* run) { return test::content_of(folder / run / "losses.csv"); };
  REQUIRE(losses("named") == losses("usual"));
  REQUIRE(losses("features") != losses("usual"));
  REQUIRE(trained(folder, how + "features --resume").errors ==
          "train_digits: features/state.safetensors: was made with --metric features, but it is not given\n");
  REQUIRE(trained(folder, how + "usual --resume --metric l1").errors ==
          "train_digits: usual/state.safetensors: was made with --metric not given, but it is l1\n");
}

TEST_CASE("what phased training writes is a checkpoint with its plan and its card", "[programs]")
{
  if (!is_built()) return;
  const fs::path folder = test::empty_folder("train_phased");
  REQUIRE(trained(folder, "--objective phased --phases 2 --times 40 --guidance 2 --preview 1 --out student").status ==
          0);
  const auto before = safetensors_file::open(test::in_repository("models/fontdigits-ddpm") / weights_file);
  const auto after = safetensors_file::open(folder / "student" / weights_file);
  REQUIRE(after.tensors().size() == before.tensors().size());
  for (const auto& tensor : before.tensors()) REQUIRE(after.at(tensor.name).shape == tensor.shape);
  REQUIRE(read_plan(folder / "student/plan.json") == phased(phases(linear_vp(), 2, 40)));
  const std::string card = test::content_of(folder / "student/README.md");
  REQUIRE(card.find("| steps | 2 of 2 |") != std::string::npos);
  REQUIRE(card.find("| phases | 2 |") != std::string::npos);
  REQUIRE(fs::file_size(folder / "student/preview.png") > 500);
  // and is sampled like any other
  REQUIRE(test::run_program("digits", folder, "--model student --steps 2 --count 2 --threads 1").status == 0);
}

TEST_CASE("a network may learn to predict something else, and is stored in half precision where asked", "[programs]")
{
  if (!is_built()) return;
  const fs::path folder = test::empty_folder("train_predict");
  const std::string how = "--objective denoising --predict velocity --guidance 1.5 --out student";
  REQUIRE(trained(folder, how).status == 0);
  REQUIRE_FALSE(fs::exists(folder / "student/preview.png"));
  REQUIRE(test::contains(test::content_of(folder / "student/scheduler/scheduler_config.json"), "\"v_prediction\""));
  std::vector<std::vector<float>> before;
  {
    const auto whole = safetensors_file::open(folder / "student" / weights_file);
    for (const auto& tensor : whole.tensors()) before.push_back(to_float(tensor));
  }
  REQUIRE(trained(folder, how + " --half --resume").status == 0);  // a run that is done is written anew
  const auto half = safetensors_file::open(folder / "student" / weights_file);
  REQUIRE(half.tensors().size() == before.size());
  for (std::size_t k = 0; k < before.size(); ++k) {
    REQUIRE(half.tensors()[k].type == dtype::f16);
    std::vector<float> rounded;
    for (const float number : before[k]) rounded.push_back(half_to_float(float_to_half(number)));
    REQUIRE(to_float(half.tensors()[k]) == rounded);
  }
}

TEST_CASE("the trainer refuses wrong input in one sentence, before it writes", "[programs]")
{
  if (!is_built()) return;
  const fs::path folder = test::empty_folder("train_refused");
  const auto refusal = [&](const std::string& arguments) {
    const auto result = trained(folder, arguments);
    REQUIRE(result.status == 2);
    REQUIRE_FALSE(fs::exists(folder / "student"));
    return result.errors;
  };
  REQUIRE(refusal("--objective phased --phases 51 --out student") ==
          "train_digits: the number of phases must lie in [1, 50], the size of the training grid, but is 51\n");
  REQUIRE(refusal("--objective consistency-training --guidance 2 --out student") ==
          "train_digits: guidance is the teacher's, and consistency-training has none\n");
  REQUIRE(refusal("--objective denoising --guidance 0.5 --out student") ==
          "train_digits: the guidance that denoising builds in must be at least 1, but is 0.500000\n");
  REQUIRE(refusal("--objective denoising --metric features --out student") ==
          "train_digits: --metric compares a student with its target, and denoising has none\n");
  REQUIRE(refusal("--objective denoising --clipped --out student") ==
          "train_digits: --clipped holds what students predict, and denoising has none\n");
  REQUIRE(
      refusal("--objective phased --predict velocity --out student") ==
      "train_digits: --predict must be what --init does, noise, unless the objective is denoising, but is velocity\n");
  REQUIRE(refusal("--objective phased --metric features --classifier none --out student") ==
          "train_digits: none/config.json: there is no such file\n");
  REQUIRE(refusal("--objective consistency --adversarial 0.1 --out student") ==
          "train_digits: --adversarial belongs to phased distillation, but the objective is consistency\n");
  REQUIRE(
      refusal("--objective phased --adversarial-real data --out student") ==
      "train_digits: --adversarial-real and --adversarial-together belong to the adversarial term, but --adversarial "
      "is 0\n");
  REQUIRE(refusal("--batch 0 --out student") == "train_digits: --batch must be at least 1, but is 0\n");
  REQUIRE(refusal("--average 1.5 --out student") == "train_digits: --average must lie in [0, 1], but is 1.500000\n");
  REQUIRE(refusal("--images 100000000 --out student").find("sprites in train, but 100000000 were asked for") !=
          std::string::npos);

  const fs::path teacher = folder / "teacher", scheduler = teacher / "scheduler/scheduler_config.json";
  fs::copy(test::in_repository("models/fontdigits-ddpm"), teacher, fs::copy_options::recursive);
  std::string text = test::content_of(scheduler);
  test::put(scheduler, text.replace(text.find("epsilon"), 7, "v_prediction"));
  REQUIRE(refusal("--objective phased --teacher teacher --out student") ==
          "train_digits: teacher: the teacher must predict what --init does, noise, but predicts velocity\n");
  std::string config = test::content_of(teacher / "unet/config.json");
  test::put(teacher / "unet/config.json", config.replace(config.find("silu"), 4, "gelu"));
  REQUIRE(
      refusal("--objective phased --teacher teacher --out student") ==
      "train_digits: teacher: the teacher must have the architecture of --init, but its unet/config.json differs\n");
}
