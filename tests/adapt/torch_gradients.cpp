#include "fewstep/adapt/torch_gradients.hpp"

#include "support/catch.hpp"

#include "fewstep/train/average.hpp"

#include <ATen/core/ivalue.h>  // before ATen/ops: clang++ refuses LibTorch 1.13 otherwise

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <array>
#include <cstddef>
#include <vector>

// REQUIRE only: LibTorch's headers define CHECK.

using namespace fewstep;

namespace {

using X = at::Tensor;
using gradients = gradient_traits<X>;

X ramp()
{
  return at::arange(12, at::kDouble).reshape({2, 3, 2});
}

}  // namespace

TEST_CASE("LibTorch's tensor is a tensor with gradients", "[adapt]")
{
  STATIC_REQUIRE(differentiable<at::Tensor>);
  REQUIRE(gradients::shape(ramp()) == std::vector<std::size_t>{2, 3, 2});
  REQUIRE(gradients::holds(ramp(), 2));
  REQUIRE_FALSE(gradients::holds(ramp(), 3));
  REQUIRE_FALSE(gradients::holds(at::ones({}), 1));
}

TEST_CASE("LibTorch's sum over terms gives each sample its weights, in its own type", "[adapt]")
{
  const X a = ramp(), b = at::ones({2, 3, 2}, at::kDouble);
  const std::array<sample_term<X>, 2> terms{{{{1, 2}, &a}, {{0.5, -1}, &b}}};
  const X sum = gradients::sum(terms, 100);
  REQUIRE(at::equal(sum[0], a[0] + 100.5));
  REQUIRE(at::equal(sum[1], 2 * a[1] + 99));
  for (const auto type : {at::kFloat, at::kHalf, at::kBFloat16}) {
    const X narrow = a.to(type);
    const std::array<sample_term<X>, 1> one{{{{1, 2}, &narrow}}};
    REQUIRE(gradients::sum(one, 0).scalar_type() == type);
    REQUIRE(gradients::means(narrow, 2).sizes() == at::IntArrayRef({2}));
  }
}

TEST_CASE("what LibTorch records passes through all operations, and stops where it is told to", "[adapt]")
{
  const X x = ramp().requires_grad_();
  const std::array<sample_term<X>, 1> doubled{{{{2, 3}, &x}}};
  const X shifted = gradients::sum(doubled, 1);
  gradients::means(gradients::root(gradients::square(gradients::magnitude(shifted))), 1).sum().backward();
  REQUIRE(at::equal(x.grad()[0], at::zeros({3, 2}, at::kDouble) + 2.0 / 12));
  REQUIRE(at::equal(x.grad()[1], at::zeros({3, 2}, at::kDouble) + 3.0 / 12));
  REQUIRE_FALSE(stopped(x, 2).requires_grad());
  REQUIRE_FALSE(gradients::without_gradients([&] { return gradients::square(x); }).requires_grad());
  REQUIRE(gradients::square(x).requires_grad());
}

TEST_CASE("an average moves the tensor that a module holds", "[adapt]")
{
  const X held = at::ones({3}, at::kDouble).requires_grad_();  // a parameter
  std::vector<X> means{held};
  train::update_average(means, {at::zeros({3}, at::kDouble)}, 0.75);
  REQUIRE(at::equal(held.detach(), at::zeros({3}, at::kDouble) + 0.75));
  REQUIRE(held.requires_grad());
  REQUIRE(held.is_leaf());
}
