/// @file
/// Zero-shot editing: a part of the image is known and put back into every prediction. Inpainting, colourisation and
/// super-resolution as in Song et al. 2023 (arXiv:2303.01469), Algorithm 4, for any sampler.
#pragma once

#include "fewstep/denoiser/denoiser.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/tensor/elements.hpp"
#include "fewstep/tensor/measure.hpp"
#include "fewstep/tensor/tensor.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace fewstep {

/// The shape of a batch of images stored sample by sample, channel by channel, row by row.
struct image_shape {
  std::size_t samples = 1;
  std::size_t channels = 3;
  std::size_t height = 0;
  std::size_t width = 0;

  std::size_t size() const { return samples * channels * height * width; }
};

/// What is known of an image: in every group of elements, the component along each of a few orthonormal directions.
///
/// With an orthogonal A whose first rows are the directions and Omega the rest, Algorithm 4 of the paper replaces
///
///     x <- A^-1 [(A y) (1 - Omega) + (A x) Omega]   =   x + sum_d d <d, y - x>,
///
/// group by group: the other rows of A cancel, and need not be known.
struct known_part {
  std::vector<std::vector<double>> directions;
  std::vector<std::size_t> elements;  ///< storage indices, group by group, as many a group as a direction is long
};

/// Inpainting: elements whose mask is not 0 are known.
template <class M>
known_part known_elements(const std::vector<M>& mask)
{
  known_part known{{{1.0}}, {}};
  for (std::size_t i = 0; i < mask.size(); ++i)
    if (mask[i] != M{}) known.elements.push_back(i);
  return known;
}

/// Colourisation: of every pixel the component along `direction`, a weight for each channel; here the luminance.
/// Throws std::invalid_argument unless there is a weight, not all of them 0, for each channel.
inline known_part known_luminance(const image_shape& shape, std::vector<double> direction = {0.2989, 0.5870, 0.1140})
{
  double square = 0;
  for (double weight : direction) square += weight * weight;
  if (direction.size() != shape.channels || !(square > 0))
    throw std::invalid_argument("the luminance of " + std::to_string(shape.channels) +
                                " channels needs a weight for each, not all 0, but has " +
                                std::to_string(direction.size()) + " weights");
  for (double& weight : direction) weight /= std::sqrt(square);
  known_part known{{std::move(direction)}, {}};
  const std::size_t pixels = shape.height * shape.width;
  for (std::size_t sample = 0; sample < shape.samples; ++sample)
    for (std::size_t pixel = 0; pixel < pixels; ++pixel)
      for (std::size_t channel = 0; channel < shape.channels; ++channel)
        known.elements.push_back((sample * shape.channels + channel) * pixels + pixel);
  return known;
}

/// Super-resolution: the mean of every patch of `side` x `side` pixels in each channel. The paper's code has side 8 for
/// images of 256 pixels. Throws std::invalid_argument unless the side divides height and width.
inline known_part known_patch_means(const image_shape& shape, std::size_t side)
{
  if (side == 0 || shape.height % side != 0 || shape.width % side != 0)
    throw std::invalid_argument("patches of side " + std::to_string(side) + " do not tile an image of " +
                                std::to_string(shape.height) + " x " + std::to_string(shape.width));
  known_part known{{std::vector<double>(side * side, 1 / static_cast<double>(side))}, {}};
  for (std::size_t plane = 0; plane < shape.samples * shape.channels; ++plane)
    for (std::size_t top = 0; top < shape.height; top += side)
      for (std::size_t left = 0; left < shape.width; left += side)
        for (std::size_t i = 0; i < side * side; ++i)
          known.elements.push_back((plane * shape.height + top + i / side) * shape.width + left + i % side);
  return known;
}

/// Throws std::invalid_argument unless the directions are orthonormal, their length divides the number of elements
/// and no element lies beyond a tensor of `numbers` numbers.
inline void require_known_part(const known_part& known, std::size_t numbers)
{
  const auto product = [](const std::vector<double>& a, const std::vector<double>& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
  };
  if (known.directions.empty() || known.directions.front().empty())
    throw std::invalid_argument("the known part of an image needs at least one direction, but has none");
  const std::size_t length = known.directions.front().size();
  for (std::size_t i = 0; i < known.directions.size(); ++i)
    for (std::size_t j = 0; j <= i; ++j)
      if (known.directions[i].size() != length ||
          !(std::abs(product(known.directions[i], known.directions[j]) - (i == j ? 1 : 0)) < 1e-6))
        throw std::invalid_argument("the directions of the known part must be orthonormal and of one length, but " +
                                    std::to_string(i) + " and " + std::to_string(j) + " are not");
  const auto largest = std::max_element(known.elements.begin(), known.elements.end());
  if (known.elements.size() % length != 0 || (largest != known.elements.end() && *largest >= numbers))
    throw std::invalid_argument("the known part must be groups of " + std::to_string(length) + " elements below " +
                                std::to_string(numbers) + ", but has " + std::to_string(known.elements.size()) +
                                " elements up to " + std::to_string(known.elements.empty() ? 0 : *largest));
}

/// Puts the known part of y into x.
template <has_elements X>
void replace_known(X& x, const X& y, const known_part& known)
{
  const auto replace = [&](auto into, auto from) {
    const std::size_t length = known.directions.front().size();
    for (std::size_t first = 0; first < known.elements.size(); first += length) {
      const std::span group(known.elements.data() + first, length);
      for (const std::vector<double>& direction : known.directions) {
        double difference = 0;
        for (std::size_t i = 0; i < length; ++i)
          difference += direction[i] * (static_cast<double>(from[group[i]]) - static_cast<double>(into[group[i]]));
        for (std::size_t i = 0; i < length; ++i) {
          auto& number = into[group[i]];
          number = static_cast<std::remove_reference_t<decltype(number)>>(static_cast<double>(number) +
                                                                          direction[i] * difference);
        }
      }
    }
  };
  edit_elements(x, [&](auto into) { visit_elements(y, [&](auto from) { replace(into, from); }); });
}

/// A denoiser whose predicted data keep the known part of `image`, with any plan that weighs data. Clipping goes
/// inside: keeping(clipped(denoise), image, known). Throws std::invalid_argument if `known` does not fit the image.
template <class D, has_elements X>
auto keeping(D denoise, X image, known_part known)
{
  visit_elements(image, [&](auto numbers) { require_known_part(known, numbers.size()); });
  return [ denoise = detail::held<D>{std::move(denoise)}, image = std::move(image), known = std::move(known) ](
      const X& x, const evaluation& at, X& out) requires single_denoiser<D, X>
  {
    predict(denoise.call, x, at, out);
    replace_known(out, image, known);
  };
}

/// alpha * image + sigma * z: an image brought to a level, where a run may start (image to image, SDEdit).
template <tensor X>
X noised(const X& image, const noise_level& at, const X& z)
{
  X x = image;
  tensor_traits<X>::combine(x, at.alpha, std::array{term<X>{at.sigma, &z}});
  return x;
}

/// The point at `part` of the way from a to b along the sphere: sin((1 - part) w) / sin(w) * a + sin(part w) / sin(w) *
/// b, w being the angle between them. Interpolated so, two noises stay noise (Song et al. 2023, appendix D). Nearly
/// parallel tensors are interpolated linearly. Throws std::invalid_argument if one is zero or they are opposite.
template <has_elements X>
X slerp(const X& a, const X& b, double part)
{
  const double cosine = fewstep::dot(a, b) / (fewstep::norm(a) * fewstep::norm(b));
  if (!(cosine > -1 + 1e-12))
    throw std::invalid_argument("no direction leads from a tensor to one that is zero or opposite to it");
  const double angle = std::acos(std::min(cosine, 1.0)), sine = std::sin(angle);
  const bool parallel = sine < 1e-6;
  const double of_a = parallel ? 1 - part : std::sin((1 - part) * angle) / sine;
  const double of_b = parallel ? part : std::sin(part * angle) / sine;
  X x = a;
  tensor_traits<X>::combine(x, of_a, std::array{term<X>{of_b, &b}});
  return x;
}

}  // namespace fewstep
