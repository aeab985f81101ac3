/// @file
/// A folder of few sprites, for programs that would look at all of the data before they begin.
#pragma once

#include "examples/support/picture.hpp"
#include "support/files.hpp"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>

namespace fewstep::test {

/// The folder "sprites" in `folder`, made unless it is there, with the top left of each sheet of unseen faces: 64
/// sprites of each digit.
inline std::filesystem::path few_sprites(const std::filesystem::path& folder)
{
  const std::filesystem::path sprites = folder / "sprites";
  if (std::filesystem::exists(sprites)) return sprites;
  std::filesystem::create_directories(sprites);
  for (std::size_t digit = 0; digit < 10; ++digit) {
    const std::string name = "eval-" + std::to_string(digit) + ".png";
    const examples::picture sheet = examples::read_grey_png(in_repository("data/fontdigits") / name);
    examples::picture part{.height = 256, .width = 256, .channels = 1};
    for (std::size_t row = 0; row < part.height; ++row)
      std::copy_n(sheet.pixels.data() + row * sheet.width, part.width, part.pixels.data() + row * part.width);
    examples::write_png(sprites / name, part);
  }
  return sprites;
}

}  // namespace fewstep::test
