/// @file
/// Pictures: batches of images as one PNG, and PNGs read.
#pragma once

#include "fewstep/io/file.hpp"
#include "fewstep/nn/images.hpp"
#include "pixels.hpp"

#include <png.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace examples {

/// Grey or colour, 8 bits a channel, rows from the top.
struct picture {
  std::size_t height, width, channels;
  std::vector<std::uint8_t> pixels = std::vector<std::uint8_t>(height * width * channels);
};

/// Images whose numbers lie in [-1, 1], in rows of `columns`, with a border of one dark pixel around each. One channel
/// is grey; of more than three only the first three are shown.
inline picture tiled(const fewstep::nn::images& x, std::size_t columns)
{
  const std::size_t channels = x.channels < 3 ? 1 : 3, rows = (x.count + columns - 1) / columns;
  picture out{.height = rows * (x.height + 1) + 1, .width = columns * (x.width + 1) + 1, .channels = channels};
  for (std::size_t n = 0; n < x.count; ++n)
    for (std::size_t c = 0; c < channels; ++c)
      for (std::size_t h = 0; h < x.height; ++h)
        for (std::size_t w = 0; w < x.width; ++w) {
          const float value = x.values[((n * x.channels + c) * x.height + h) * x.width + w];
          const std::size_t row = n / columns * (x.height + 1) + 1 + h, column = n % columns * (x.width + 1) + 1 + w;
          out.pixels[(row * out.width + column) * channels + c] = pixel_of(value);
        }
  return out;
}

/// A PNG. Throws std::runtime_error if the picture cannot be one.
inline std::string png_bytes(const picture& image)
{
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  png.width = static_cast<png_uint_32>(image.width);
  png.height = static_cast<png_uint_32>(image.height);
  png.format = image.channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  png_alloc_size_t size = 0;
  png_image_write_to_memory(&png, nullptr, &size, 0, image.pixels.data(), 0, nullptr);
  std::string bytes(size, '\0');
  if (!png_image_write_to_memory(&png, bytes.data(), &size, 0, image.pixels.data(), 0, nullptr))
    throw std::runtime_error(std::string("cannot be encoded as PNG: ") + png.message);
  bytes.resize(size);
  return bytes;
}

/// Writes a PNG in one step. Throws std::runtime_error, with the path first if it cannot be written.
inline void write_png(const std::filesystem::path& path, const picture& image)
{
  const std::string bytes = png_bytes(image);
  const std::array pieces{std::string_view(bytes)};
  fewstep::write_file(path, pieces);
}

/// Reads a grey PNG. Throws std::runtime_error, with the path first, if it is not one.
inline picture read_grey_png(const std::filesystem::path& path)
{
  const fewstep::mapped_file file(path);
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  const auto refuse = [&](const std::string& sentence) {
    png_image_free(&png);
    throw std::runtime_error(path.string() + ": " + sentence);
  };
  if (!png_image_begin_read_from_memory(&png, file.bytes().data(), file.bytes().size()))
    refuse(std::string("is no PNG: ") + png.message);
  if (png.format != PNG_FORMAT_GRAY) refuse("must be grey with 8 bits a pixel, but has colours or transparency");
  picture out{.height = png.height, .width = png.width, .channels = 1};
  if (!png_image_finish_read(&png, nullptr, out.pixels.data(), 0, nullptr))
    refuse(std::string("cannot be decoded: ") + png.message);
  return out;
}

}  // namespace examples
