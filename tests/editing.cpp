#include "fewstep/editing.hpp"

#include "support/catch.hpp"

#include <cmath>
#include <numeric>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using namespace fewstep;

namespace {

using tensor_t = std::vector<double>;

/// Numbers without pattern, the same in every run.
tensor_t scattered(std::size_t count, double phase)
{
  tensor_t numbers(count);
  for (std::size_t i = 0; i < count; ++i) numbers[i] = std::sin(phase + 12.9898 * static_cast<double>(i + 1));
  return numbers;
}

/// An orthogonal matrix, by rows, whose first column is `first` (of norm 1): the identity reflected on e_1 - first.
std::vector<tensor_t> orthogonal(const tensor_t& first)
{
  tensor_t v = first;
  for (double& number : v) number = -number;
  v[0] += 1;
  const double square = std::inner_product(v.begin(), v.end(), v.begin(), 0.0);
  std::vector<tensor_t> rows(v.size(), tensor_t(v.size(), 0.0));
  for (std::size_t i = 0; i < v.size(); ++i)
    for (std::size_t j = 0; j < v.size(); ++j) rows[i][j] = (i == j ? 1 : 0) - 2 * v[i] * v[j] / square;
  return rows;
}

/// Algorithm 4's replacement on one group, in full: A x = Q^T x, Omega = 1 on all components but the first.
tensor_t replaced(const tensor_t& x, const tensor_t& y, const std::vector<tensor_t>& q)
{
  const std::size_t n = x.size();
  tensor_t mixed(n, 0.0), result(n, 0.0);
  for (std::size_t component = 0; component < n; ++component)
    for (std::size_t i = 0; i < n; ++i) mixed[component] += q[i][component] * (component == 0 ? y[i] : x[i]);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t component = 0; component < n; ++component) result[i] += q[i][component] * mixed[component];
  return result;
}

}  // namespace

TEST_CASE("inpainting takes the known elements from the image and leaves the others", "[editing]")
{
  tensor_t x{1, 2, 3, 4};
  replace_known(x, tensor_t{10, 20, 30, 40}, known_elements(std::vector<int>{0, 1, 0, 1}));
  REQUIRE(x == tensor_t{1, 20, 3, 40});
  replace_known(x, tensor_t{10, 20, 30, 40}, known_elements(std::vector<double>{0, 0, 0, 0}));
  REQUIRE(x == tensor_t{1, 20, 3, 40});
}

TEST_CASE("colourisation is the paper's orthogonal transform of every pixel", "[editing]")
{
  const image_shape shape{.samples = 2, .channels = 3, .height = 2, .width = 3};
  const tensor_t start = scattered(shape.size(), 0), y = scattered(shape.size(), 1);
  tensor_t x = start;
  replace_known(x, y, known_luminance(shape));
  // Q of the paper, by QR; its first column is the luminance up to the norm
  const double norm = std::sqrt(.2989 * .2989 + .5870 * .5870 + .1140 * .1140);
  const std::vector<tensor_t> q = orthogonal({.2989 / norm, .5870 / norm, .1140 / norm});
  REQUIRE_THAT(q[0][0], WithinAbs(.4471, 1e-4));
  REQUIRE_THAT(q[1][0], WithinAbs(.8780, 1e-4));
  REQUIRE_THAT(q[2][0], WithinAbs(.1705, 1e-4));
  for (std::size_t sample = 0; sample < 2; ++sample)
    for (std::size_t pixel = 0; pixel < 6; ++pixel) {
      tensor_t before, reference;
      for (std::size_t channel = 0; channel < 3; ++channel) {
        before.push_back(start[(sample * 3 + channel) * 6 + pixel]);
        reference.push_back(y[(sample * 3 + channel) * 6 + pixel]);
      }
      const tensor_t expected = replaced(before, reference, q);
      for (std::size_t channel = 0; channel < 3; ++channel)
        REQUIRE_THAT(x[(sample * 3 + channel) * 6 + pixel], WithinAbs(expected[channel], 1e-14));
    }
}

TEST_CASE("super-resolution is the paper's orthogonal transform of every patch", "[editing]")
{
  const image_shape shape{.samples = 1, .channels = 2, .height = 4, .width = 6};
  const tensor_t start = scattered(shape.size(), 2), y = scattered(shape.size(), 3);
  tensor_t x = start;
  replace_known(x, y, known_patch_means(shape, 2));
  const auto q = orthogonal({.5, .5, .5, .5});
  const auto patch = [](const tensor_t& image, std::size_t channel, std::size_t top, std::size_t left) {
    const std::size_t corner = (channel * 4 + top) * 6 + left;
    return tensor_t{image[corner], image[corner + 1], image[corner + 6], image[corner + 7]};
  };
  for (std::size_t channel = 0; channel < 2; ++channel)
    for (std::size_t top = 0; top < 4; top += 2)
      for (std::size_t left = 0; left < 6; left += 2) {
        const tensor_t expected = replaced(patch(start, channel, top, left), patch(y, channel, top, left), q);
        const tensor_t found = patch(x, channel, top, left);
        for (std::size_t i = 0; i < 4; ++i) REQUIRE_THAT(found[i], WithinAbs(expected[i], 1e-14));
      }
}

TEST_CASE("several known directions are replaced at once", "[editing]")
{
  // two of three components: what is left of x is its part along the third
  known_part known{{{0.6, 0.8, 0}, {-0.8, 0.6, 0}}, {2, 1, 0}};
  std::vector<float> x{1, 2, 3};
  replace_known(x, std::vector<float>{10, 20, 30}, known);
  REQUIRE_THAT(x[0], WithinAbs(1, 1e-6));
  REQUIRE_THAT(x[1], WithinAbs(20, 2e-6));
  REQUIRE_THAT(x[2], WithinAbs(30, 2e-6));
}

TEST_CASE("a denoiser keeps what is known of the image in every prediction", "[editing]")
{
  auto denoise = keeping(
      [](const tensor_t& x, const noise_level&) {
        return tensor_t{2 * x[0], 2 * x[1]};
      },
      tensor_t{5, 6}, known_elements(std::vector<int>{0, 1}));
  tensor_t out(2);
  denoise(tensor_t{1, 1}, evaluation{}, out);
  REQUIRE(out == tensor_t{2, 6});
}

TEST_CASE("an image is brought to a level with noise of its size", "[editing]")
{
  REQUIRE(noised(3.0, {1, 0.5, 2}, 0.25) == 2);
  const tensor_t image{1, 2};
  REQUIRE(noised(image, {1, 1, 10}, tensor_t{1, -1}) == tensor_t{11, -8});
  REQUIRE(image == tensor_t{1, 2});
}

TEST_CASE("interpolated noise stays on the sphere", "[editing]")
{
  const tensor_t a{3, 0, 0}, b{0, 3, 0};
  const tensor_t third = slerp(a, b, 1.0 / 3);
  REQUIRE_THAT(third[0], WithinAbs(3 * std::sqrt(3.0) / 2, 1e-15));  // 30 of 90 degrees
  REQUIRE_THAT(third[1], WithinAbs(1.5, 1e-15));
  REQUIRE(slerp(a, b, 0) == a);
  for (std::size_t i = 0; i < 3; ++i) REQUIRE_THAT(slerp(a, b, 1)[i], WithinAbs(b[i], 1e-15));
  const tensor_t u = scattered(64, 0), v = scattered(64, 1);
  tensor_t w = v;  // of the norm of u
  for (double& number : w) number *= fewstep::norm(u) / fewstep::norm(v);
  for (double part : {0.1, 0.5, 0.9})
    REQUIRE_THAT(fewstep::norm(slerp(u, w, part)), WithinAbs(fewstep::norm(u), 1e-13));
  REQUIRE_THAT(slerp(a, a, 0.3)[0], WithinAbs(3, 1e-15));
}

TEST_CASE("editing refuses parts and tensors that do not fit", "[editing]")
{
  const auto denoise = [](const tensor_t& x, const noise_level&) { return x; };
  const image_shape shape{.samples = 1, .channels = 3, .height = 4, .width = 4};
  REQUIRE_THROWS_WITH(keeping(denoise, tensor_t(3), known_elements(std::vector<int>{0, 0, 0, 1})),
                      ContainsSubstring("up to 3"));
  REQUIRE_THROWS_WITH(keeping(denoise, tensor_t(3), known_part{{{1, 1}}, {0, 1}}), ContainsSubstring("orthonormal"));
  REQUIRE_THROWS_AS(keeping(denoise, tensor_t(3), known_part{{{1, 0}, {0.6, 0.8}}, {0, 1}}), std::invalid_argument);
  REQUIRE_THROWS_AS(keeping(denoise, tensor_t(3), known_part{{{0.6, 0.8}}, {0, 1, 2}}), std::invalid_argument);
  REQUIRE_THROWS_AS(keeping(denoise, tensor_t(3), known_part{}), std::invalid_argument);
  REQUIRE_THROWS_WITH(known_patch_means(shape, 3), ContainsSubstring("3") && ContainsSubstring("4 x 4"));
  REQUIRE_THROWS_AS(known_patch_means(shape, 0), std::invalid_argument);
  REQUIRE_THROWS_WITH(known_luminance(shape, {1, 1}), ContainsSubstring("3 channels"));
  REQUIRE_THROWS_AS(known_luminance(shape, {0, 0, 0}), std::invalid_argument);
  REQUIRE_THROWS_WITH(slerp(tensor_t{1, 0}, tensor_t{-2, 0}, 0.5), ContainsSubstring("opposite"));
  REQUIRE_THROWS_AS(slerp(tensor_t{0, 0}, tensor_t{1, 0}, 0.5), std::invalid_argument);
}
