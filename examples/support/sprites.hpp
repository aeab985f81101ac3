/// @file
/// The digits of data/fontdigits, taken out of their sheets.
#pragma once

#include "fewstep/nn/images.hpp"
#include "picture.hpp"
#include "pixels.hpp"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace examples {

/// Images of one channel in [-1, 1], and the digit that each of them shows.
struct labelled_images {
  fewstep::nn::images images{};
  std::vector<int> labels{};
};

/// A part of the data: for each digit `maps` random maps of the same faces in the same order, in sheets that sprites
/// fill, row after row. How many faces there are, the size of a sheet says.
struct sprite_set {
  std::string_view name;
  std::size_t maps, maps_per_sheet;
};

/// The faces that networks were trained on: train-V-D.png has the map V of digit D. 1,220 faces in data/fontdigits,
/// 48,800 sprites.
inline constexpr sprite_set train_sprites{"train", 4, 1};

/// Faces that no network has seen: eval-D.png has the four maps of digit D, one after the other. 256 faces in
/// data/fontdigits, 10,240 sprites.
inline constexpr sprite_set eval_sprites{"eval", 4, 4};

/// Height and width of a sprite.
inline constexpr std::size_t sprite_side = 32;

/// Throws std::invalid_argument unless `name` is train or eval.
inline const sprite_set& sprite_set_of(std::string_view name)
{
  for (const sprite_set* set : {&train_sprites, &eval_sprites})
    if (set->name == name) return *set;
  throw std::invalid_argument("sprites are train or eval, but not " + std::string(name));
}

namespace detail {

inline std::filesystem::path path_of(const std::filesystem::path& folder, const sprite_set& set, std::size_t sheet,
                                     std::size_t digit)
{
  const std::string number = set.maps_per_sheet == set.maps ? "" : "-" + std::to_string(sheet);
  return folder / (std::string(set.name) + number + "-" + std::to_string(digit) + ".png");
}

inline std::string size_of(const picture& sheet)
{
  return std::to_string(sheet.width) + " x " + std::to_string(sheet.height);
}

/// The first sheet of a set, whose size the others have.
inline picture read_first_sheet(const std::filesystem::path& folder, const sprite_set& set)
{
  const auto path = path_of(folder, set, 0, 0);
  picture out = read_grey_png(path);
  const std::size_t sprites = (out.height / sprite_side) * (out.width / sprite_side);
  if (out.height % sprite_side || out.width % sprite_side || sprites % set.maps_per_sheet)
    throw std::runtime_error(path.string() + ": must be filled by sprites of 32 x 32 pixels, " +
                             std::to_string(set.maps_per_sheet) + " for each face, but has " + size_of(out));
  return out;
}

inline picture read_sheet(const std::filesystem::path& path, const picture& first)
{
  picture out = read_grey_png(path);
  if (out.height != first.height || out.width != first.width)
    throw std::runtime_error(path.string() + ": must have " + size_of(first) + " pixels as the first sheet, but has " +
                             size_of(out));
  return out;
}

inline void copy_sprite(const picture& sheet, std::size_t sprite, float* to)
{
  const std::size_t columns = sheet.width / sprite_side;
  const std::size_t top = sprite / columns * sprite_side, left = sprite % columns * sprite_side;
  for (std::size_t y = 0; y < sprite_side; ++y)
    for (std::size_t x = 0; x < sprite_side; ++x) *to++ = number_of(sheet.pixels[(top + y) * sheet.width + left + x]);
}

}  // namespace detail

/// The first `count` sprites of a set, 0 for all. Number k shows the digit k % 10, and digits take turns among the
/// faces: digit D of turn j is of face (j + D faces / 10) mod faces, first of map 0. So the first n are even in
/// digits, and no face comes twice before nearly every face has come. Throws std::invalid_argument if the set has
/// fewer sprites; std::runtime_error, with the path first, for a sheet that is missing or not as it should be.
inline labelled_images read_sprites(const std::filesystem::path& folder, const sprite_set& set, std::size_t count = 0)
{
  const picture first_sheet = detail::read_first_sheet(folder, set);
  const std::size_t sprites_per_sheet = first_sheet.pixels.size() / (sprite_side * sprite_side);
  const std::size_t faces = sprites_per_sheet / set.maps_per_sheet, size = 10 * faces * set.maps;
  if (count > size)
    throw std::invalid_argument("there are " + std::to_string(size) + " sprites in " + std::string(set.name) +
                                ", but " + std::to_string(count) + " were asked for");
  if (count == 0) count = size;
  labelled_images out{{count, 1, sprite_side, sprite_side}, std::vector<int>(count)};
  for (std::size_t sheet = 0; sheet * sprites_per_sheet * 10 < count; ++sheet)
    for (std::size_t digit = 0; digit < 10; ++digit) {
      const std::size_t first = sheet * sprites_per_sheet;
      if (first * 10 + digit >= count) break;
      const picture page = detail::read_sheet(detail::path_of(folder, set, sheet, digit), first_sheet);
      for (std::size_t turn = first; turn < first + sprites_per_sheet && turn * 10 + digit < count; ++turn) {
        const std::size_t face = (turn + digit * faces / 10) % faces;
        const std::size_t sprite = (turn - first) / faces * faces + face, k = turn * 10 + digit;
        detail::copy_sprite(page, sprite, out.images.data() + k * sprite_side * sprite_side);
        out.labels[k] = static_cast<int>(digit);
      }
    }
  return out;
}

}  // namespace examples
