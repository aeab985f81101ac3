/// @file
/// A golden network case: a folder with config.json, model.safetensors and io.safetensors.
#pragma once

#include "fewstep/io/safetensors.hpp"
#include "fewstep/io/tensor_numbers.hpp"
#include "fewstep/nn/condition.hpp"
#include "fewstep/nn/embedding.hpp"
#include "fewstep/nn/feature.hpp"
#include "fewstep/nn/images.hpp"
#include "fewstep/nn/load.hpp"
#include "fewstep/nn/network.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "support/files.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace fewstep::test {

inline nn::images images_at(const safetensors_file& file, std::string_view name)
{
  const tensor_view& t = file.at(name);
  return {t.shape.at(0), t.shape.at(1), t.shape.at(2), t.shape.at(3), to_float(t)};
}

/// Of a preconditioned network, what it is given and gives inside.
struct golden_network {
  explicit golden_network(const std::string& name) :
      folder(in_repository("tests/golden/unets/" + name)),
      net(nn::load_unet(model_files{folder / "config.json", folder / "model.safetensors"}).net),
      io(safetensors_file::open(folder / "io.safetensors")),
      x(images_at(io, net.preconditioning ? "net_input" : "sample")),
      output(images_at(io, net.preconditioning ? "net_output" : "output"))
  {
    if (const tensor_view* classes = io.find("class_labels")) {
      if (nn::class_count(net.conditions) == 0)
        condition.class_values = to_double(*classes);
      else
        for (const auto label : to_int64(*classes)) condition.class_labels.push_back(static_cast<int>(label));
    }
    if (const tensor_view* text = io.find("encoder_hidden_states"))
      condition.text = {text->shape.at(0), text->shape.at(1), text->shape.at(2), to_float(*text)};
    const auto times = to_double(io.at(net.preconditioning ? "noise_labels" : "timestep"));
    at.t = times.front();
    if (times.size() > 1) condition.timesteps = times;
  }

  std::filesystem::path folder;
  nn::network net;
  safetensors_file io;
  nn::images x, output;
  nn::conditioning condition{};
  evaluation at{};
};

inline double largest_difference(const nn::images& a, const nn::images& b)
{
  if (a.size() != b.size()) return INFINITY;
  double worst = 0;
  for (std::size_t k = 0; k < a.size(); ++k)
    worst = std::max(worst, std::abs(static_cast<double>(a.values[k]) - static_cast<double>(b.values[k])));
  return worst;
}

/// The numbers of a feature in the order of images.
inline nn::images as_images(const nn::feature& h)
{
  nn::images out{h.count(), h.channels(), h.height(), h.width()};
  for (std::size_t k = 0; k < h.size(); ++k) {
    const std::size_t c = k % h.channels(), pixel = k / h.channels() % (h.height() * h.width());
    out.values[((k / h.channels() / (h.height() * h.width())) * h.channels() + c) * h.height() * h.width() + pixel] =
        h.data()[k];
  }
  return out;
}

}  // namespace fewstep::test
