/// @file
/// The config.json of a classifier, read.
#pragma once

#include "fewstep/io/json.hpp"
#include "fewstep/io/object_reader.hpp"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <stdexcept>
#include <vector>

namespace fewstep::nn {

/// The shape of the images and of the layers: convolutions of 3x3, each with SiLU behind it, then a linear layer.
struct classifier_config {
  std::size_t in_channels = 0, height = 0, width = 0;
  std::vector<std::size_t> channels{}, strides{};  ///< a number for each convolution
  std::size_t classes = 0;
};

/// Throws std::runtime_error, with the path first, if the file is missing or damaged, and for members that make no
/// classifier or say nothing of one.
inline classifier_config read_classifier_config(const std::filesystem::path& path)
{
  json::object_reader config = json::read_object(path);
  const auto positive = [&](const char* key) {
    const auto number = config.get<std::size_t>(key);
    config.require(number > 0, key, "positive");
    return number;
  };
  const auto numbers = [&](const char* key) { return config.get<std::vector<std::size_t>>(key); };
  const auto all_positive = [](const std::vector<std::size_t>& of) {
    return std::all_of(of.begin(), of.end(), [](std::size_t number) { return number > 0; });
  };
  classifier_config out{.in_channels = positive("in_channels"),
                        .height = positive("height"),
                        .width = positive("width"),
                        .channels = numbers("channels"),
                        .strides = numbers("strides"),
                        .classes = positive("classes")};
  config.require(!out.channels.empty() && all_positive(out.channels), "channels", "one positive number or more");
  config.require(out.strides.size() == out.channels.size() && all_positive(out.strides), "strides",
                 "as many positive numbers as there are channels");
  if (const auto unknown = config.unused(); !unknown.empty())
    throw std::runtime_error(config.place(unknown.front()) + " says nothing of a classifier");
  return out;
}

}  // namespace fewstep::nn
