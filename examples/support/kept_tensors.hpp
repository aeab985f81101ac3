/// @file
/// One tensor in a file of its own, for programs that keep what took them long: images as pixels, matrices as doubles.
#pragma once

#include "fewstep/io/safetensors.hpp"
#include "fewstep/io/safetensors_writer.hpp"
#include "fewstep/io/tensor_numbers.hpp"
#include "fewstep/io/tensor_view.hpp"
#include "fewstep/nn/images.hpp"
#include "support/pixels.hpp"

#include <Eigen/Core>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace examples {

/// As pixels, which hold what lies in [-1, 1].
inline void keep_pixels(const std::filesystem::path& path, const fewstep::nn::images& x)
{
  std::vector<std::uint8_t> pixels(x.size());
  std::transform(x.values.begin(), x.values.end(), pixels.begin(), pixel_of);
  const fewstep::tensor_view view{
      "images", fewstep::dtype::u8, {x.count, x.channels, x.height, x.width}, std::as_bytes(std::span(pixels))};
  fewstep::write_safetensors(path, std::span(&view, 1));
}

/// As the numbers that they are.
inline void keep_numbers(const std::filesystem::path& path, const fewstep::nn::images& x)
{
  const auto view = fewstep::view_of("images", std::span(x.data(), x.size()), {x.count, x.channels, x.height, x.width});
  fewstep::write_safetensors(path, std::span(&view, 1));
}

/// What either kept. Throws std::runtime_error that names the file and both shapes if it holds other images.
inline fewstep::nn::images kept_images(const std::filesystem::path& path, fewstep::nn::images shape)
{
  const auto file = fewstep::safetensors_file::open(path);
  const auto& view = file.at("images", std::vector{shape.count, shape.channels, shape.height, shape.width});
  if (view.type == fewstep::dtype::u8) {
    std::transform(view.bytes.begin(), view.bytes.end(), shape.values.begin(),
                   [](std::byte pixel) { return number_of(std::to_integer<std::uint8_t>(pixel)); });
  } else {
    const std::vector<float> numbers = fewstep::to_float(view);
    std::copy(numbers.begin(), numbers.end(), shape.values.begin());
  }
  return shape;
}

inline void keep_matrix(const std::filesystem::path& path, const Eigen::MatrixXd& matrix)
{
  const auto rows = static_cast<std::size_t>(matrix.rows()), columns = static_cast<std::size_t>(matrix.cols());
  const Eigen::MatrixXd across = matrix.transpose();  // row after row
  const fewstep::tensor_view view{
      "matrix", fewstep::dtype::f64, {rows, columns}, std::as_bytes(std::span(across.data(), rows * columns))};
  fewstep::write_safetensors(path, std::span(&view, 1));
}

inline Eigen::MatrixXd kept_matrix(const std::filesystem::path& path)
{
  const auto file = fewstep::safetensors_file::open(path);
  const auto& view = file.at("matrix");
  const std::vector<double> numbers = fewstep::to_double(view);
  return Eigen::Map<const Eigen::MatrixXd>(numbers.data(), static_cast<Eigen::Index>(view.shape.at(1)),
                                           static_cast<Eigen::Index>(view.shape.at(0)))
      .transpose();
}

}  // namespace examples
