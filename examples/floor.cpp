// How far sets of images are from the digits of unseen faces by the features of a classifier: what real digits reach,
// which no sampler can be expected to beat, and what bad images reach.
//
//     floor --data data/fontdigits --classifier models/fontdigits-classifier --images 1000 3000
#include "fewstep/nn/classifier.hpp"
#include "fewstep/nn/frechet_distance.hpp"
#include "fewstep/nn/images.hpp"
#include "fewstep/nn/kernel_distance.hpp"
#include "fewstep/nn/workspace.hpp"
#include "fewstep/noise/philox.hpp"
#include "support/program.hpp"
#include "support/sprites.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

namespace {

namespace nn = fewstep::nn;

struct options {
  std::filesystem::path data = "data/fontdigits", classifier = "models/fontdigits-classifier";
  std::vector<std::size_t> images{1000, 3000};
  std::size_t threads = 2;
};

void declare(CLI::App& app, options& o)
{
  app.add_option("--data", o.data, "folder of the sheets")->capture_default_str();
  app.add_option("--classifier", o.classifier, "folder of the classifier")->capture_default_str();
  app.add_option("--images", o.images, "sizes of the sets")->check(CLI::Range(3, 4880))->capture_default_str();
  app.add_option("--threads", o.threads, "cores to use")->capture_default_str();
}

/// The first `count` sprites that show a digit.
examples::labelled_images only(const examples::labelled_images& all, int digit, std::size_t count)
{
  const std::size_t pixels = examples::sprite_side * examples::sprite_side;
  examples::labelled_images out;
  out.images = {count, 1, examples::sprite_side, examples::sprite_side, {}};
  for (std::size_t k = 0; k < all.labels.size() && out.labels.size() < count; ++k) {
    if (all.labels[k] != digit) continue;
    const float* const from = all.images.data() + k * pixels;
    out.images.values.insert(out.images.values.end(), from, from + pixels);
    out.labels.push_back(digit);
  }
  return out;
}

/// Normal noise, held in [-1, 1] as digits are, and labels in turn.
examples::labelled_images noise(std::size_t count)
{
  const nn::images shape{count, 1, examples::sprite_side, examples::sprite_side};
  examples::labelled_images out;
  out.images = fewstep::philox_noise{.seed = 1, .samples = count}.start(shape);
  for (float& number : out.images.values) number = std::clamp(number, -1.0F, 1.0F);
  for (std::size_t k = 0; k < count; ++k) out.labels.push_back(static_cast<int>(k % 10));
  return out;
}

void run(const options& o)
{
  const nn::classifier net = nn::load_classifier(o.classifier);
  const auto unseen = examples::read_sprites(o.data, examples::eval_sprites);
  const std::size_t most = *std::max_element(o.images.begin(), o.images.end());
  const auto seen = examples::read_sprites(o.data, examples::train_sprites, 10 * most);
  nn::workspace work(o.threads);
  const nn::classified real = nn::classify(net, unseen.images, work);
  nn::feature_moments moments;
  moments.add(real.features);
  const nn::gaussian law = moments.law();
  std::printf("%zu digits of unseen faces: %.2f%% recognised\n\n", unseen.labels.size(),
              100 * nn::accuracy(real, unseen.labels));

  std::printf("images  of                    recognised  Frechet distance     kernel distance x 1000\n");
  for (const std::size_t count : o.images) {
    const auto show = [&](const char* name, const examples::labelled_images& set) {
      const nn::classified drawn = nn::classify(net, set.images, work);
      nn::feature_moments of_drawn;
      of_drawn.add(drawn.features);
      const auto kernel = nn::kernel_distance(drawn.features, real.features);
      std::printf("%6zu  %-20s  %9.2f%%  %16.4f  %12.4f +- %.4f\n", count, name, 100 * nn::accuracy(drawn, set.labels),
                  nn::frechet_distance(of_drawn.law(), law), 1000 * kernel.value, 1000 * kernel.standard_error);
    };
    show("training faces", examples::read_sprites(o.data, examples::train_sprites, count));
    show("training faces, 3s", only(seen, 3, count));
    show("noise", noise(count));
  }
}

}  // namespace

int main(int argc, char** argv)
{
  options chosen;
  CLI::App app("Measures how far sets of images are from the digits of unseen faces.", "floor");
  declare(app, chosen);
  return examples::run_program(app, argc, argv, [&] { run(chosen); });
}
