#include "fewstep/adapt/torch.hpp"

#include "support/catch.hpp"
#include "support/same_run.hpp"
#include "support/torch_difference.hpp"
#include "support/typed.hpp"

#include "fewstep/tensor/measure.hpp"

#include <ATen/core/ivalue.h>  // before ATen/ops: clang++ refuses LibTorch 1.13 otherwise

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

// REQUIRE only: LibTorch's headers define CHECK.

using namespace fewstep;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

using X = at::Tensor;

X zeros(at::ScalarType type)
{
  return at::zeros({2, 3, 5, 7}, type);
}

/// 0.5 x + 2 a - b, with LibTorch's operators in double.
X expected(const X& x, const X& a, const X& b)
{
  return 0.5 * x.to(at::kDouble) + 2 * a.to(at::kDouble) - b.to(at::kDouble);
}

void combine(X& x, const X& a, const X& b)
{
  tensor_traits<X>::combine(x, 0.5, std::array{term<X>{2, &a}, term<X>{-1, &b}});
}

}  // namespace

TEST_CASE("LibTorch's tensor is a tensor with elements", "[adapt]")
{
  STATIC_REQUIRE(tensor<at::Tensor>);
  STATIC_REQUIRE(has_elements<at::Tensor>);
  STATIC_REQUIRE(clampable<at::Tensor>);
  STATIC_REQUIRE(measurable<at::Tensor>);
  STATIC_REQUIRE_FALSE(contiguous<at::Tensor>);
}

TEST_CASE("the combination of LibTorch's float and double tensors is its formula", "[adapt]")
{
  test::require_combination(zeros(at::kFloat));
  test::require_combination(zeros(at::kDouble));
}

TEST_CASE("16-bit tensors are summed in float32 and rounded once", "[adapt]")
{
  for (const auto type : {at::kHalf, at::kBFloat16}) {
    X x = at::rand({1000}).to(type);
    const X a = at::rand({1000}).to(type), b = at::rand({1000}).to(type);
    // the weights are powers of two and the numbers have 11 bits: float32 holds every sum of these exactly
    const X exact = expected(x, a, b).to(type);

    combine(x, a, b);

    REQUIRE(x.scalar_type() == type);
    REQUIRE(x.equal(exact));
  }
}

TEST_CASE("a 16-bit tensor that is not rounded in between keeps small terms", "[adapt]")
{
  X x = at::ones({1}, at::kHalf);
  const X small = at::full({1}, 0x1p-11, at::kHalf);  // half a unit in the last place: 1 + small rounds to 1
  tensor_traits<X>::combine(x, 1, std::array{term<X>{1, &small}, term<X>{1, &small}});
  REQUIRE(x.item<double>() == 1 + 0x1p-10);
}

TEST_CASE("strides and types do not change the result", "[adapt]")
{
  const X x = at::rand({4, 6, 8}), a = at::rand({4, 6, 8}), b = at::rand({4, 6, 8});
  const X right = expected(x, a, b);
  const auto require_right = [&](X got, const X& one, const X& two) {
    combine(got, one, two);
    REQUIRE(got.sizes() == x.sizes());
    REQUIRE(test::largest_difference(got, right) < 4 * std::numeric_limits<float>::epsilon());
  };
  const auto column_major = [](const X& y) { return y.transpose(0, 2).contiguous().transpose(0, 2); };
  const auto sliced = [](const X& y) { return at::stack({y, y}, 3).select(3, 1); };

  require_right(x, a, b);
  require_right(column_major(x), column_major(a), column_major(b));
  require_right(column_major(x), a, b);
  require_right(x, column_major(a), sliced(b));
  require_right(sliced(x), a, b);
  require_right(sliced(x), sliced(a), sliced(b));
  require_right(x, a.to(at::kDouble), b);
  require_right(x.to(at::kDouble), a, b.to(at::kDouble));
}

TEST_CASE("a slice of a tensor does not change what lies beside it", "[adapt]")
{
  const X batch = at::rand({3, 4}), before = batch.clone();
  X x = batch.select(0, 1);
  combine(x, before.select(0, 0), before.select(0, 2));
  REQUIRE(batch.equal(before));
  REQUIRE(test::largest_difference(x, expected(before[1], before[0], before[2])) < 1e-6);
}

TEST_CASE("an expanded tensor, whose numbers are one in memory, is combined", "[adapt]")
{
  X x = at::ones({1, 1}).expand({2, 3});
  const X a = at::rand({2, 3}), b = at::rand({2, 3});
  const X right = expected(x, a, b);
  combine(x, a, b);
  REQUIRE(test::largest_difference(x, right) < 1e-6);
}

TEST_CASE("storage that only this handle has is written in place", "[adapt]")
{
  for (const auto type : {at::kFloat, at::kDouble}) {
    X x = test::scrambled(zeros(type), 0);
    const X a = test::scrambled(x, 1), b = test::scrambled(x, 2);
    const void* const storage = x.data_ptr();
    combine(x, a, b);
    REQUIRE(x.data_ptr() == storage);
  }
}

TEST_CASE("no change of x is seen through another handle", "[adapt]")
{
  for (const auto type : {at::kFloat, at::kDouble, at::kHalf}) {
    const X start = at::rand({6}).to(type), a = at::rand({6}).to(type), b = at::rand({6}).to(type);
    const auto require_hidden = [&](auto change) {
      const X owner = start.clone();
      X handle = owner;             // the same tensor
      X view = owner.view({2, 3});  // another tensor on the same storage
      X detached = owner.detach();
      change(handle), change(view), change(detached);
      REQUIRE(owner.equal(start));
      REQUIRE_FALSE(handle.equal(start));
      REQUIRE(view.sizes() == at::IntArrayRef{2, 3});
    };
    require_hidden([&](X& x) { combine(x, a.view(x.sizes()), b.view(x.sizes())); });
    require_hidden([&](X& x) { tensor_traits<X>::combine(x, 2, {}); });
    require_hidden([&](X& x) { clamp(x, 0, 0); });
    require_hidden([&](X& x) { edit_elements(x, [](auto numbers) { numbers[0] = 9; }); });
  }
}

TEST_CASE("memory that LibTorch was lent is not written", "[adapt]")
{
  std::vector<float> lent{1, 2, 3};
  X x = at::from_blob(lent.data(), {3}, at::kFloat);
  tensor_traits<X>::combine(x, 2, {});
  REQUIRE(lent == std::vector<float>{1, 2, 3});
  REQUIRE(x.equal(at::tensor({2.0f, 4.0f, 6.0f})));
}

TEST_CASE("nothing is recorded for gradients, and a leaf stays as it was", "[adapt]")
{
  X x = at::ones({3}, at::kFloat).requires_grad_();
  const X a = at::ones({3}).requires_grad_(), b = a * 3;
  const auto* const leaf = x.unsafeGetTensorImpl();
  combine(x, a, b);
  REQUIRE(x.unsafeGetTensorImpl() != leaf);
  REQUIRE_FALSE(x.requires_grad());
  REQUIRE(x.equal(at::full({3}, -0.5f)));
  REQUIRE(c10::GradMode::is_enabled());
}

TEST_CASE("numbers are handed out row-major whatever the strides", "[adapt]")
{
  const X x = at::arange(24, at::kFloat).view({2, 3, 4});
  const std::vector<double> order = test::listed(x);
  for (std::size_t k = 0; k < order.size(); ++k) REQUIRE(order[k] == static_cast<double>(k));

  for (const X& same : {x.transpose(0, 2).contiguous().transpose(0, 2), x.to(at::kHalf), x.to(at::kDouble),
                        at::stack({x, x}, 3).select(3, 0)}) {
    REQUIRE(test::listed(same) == order);
    X y = same;
    edit_elements(y, [](auto numbers) {
      for (auto& number : numbers) number += 1;
    });
    REQUIRE(y.scalar_type() == same.scalar_type());
    REQUIRE(y.equal((x + 1).to(y.scalar_type())));
    REQUIRE(same.equal(x.to(same.scalar_type())));
    if (same.is_non_overlapping_and_dense()) REQUIRE(y.strides() == same.strides());
  }
}

TEST_CASE("a tensor that is its own is filled in place", "[adapt]")
{
  X x = at::zeros({2, 3});
  const void* const storage = x.data_ptr();
  fill_samples(x, 2, [](std::size_t k, auto numbers) { numbers[0] = static_cast<float>(k + 1); });
  REQUIRE(x.data_ptr() == storage);
  REQUIRE(test::listed(x) == std::vector<double>{1, 0, 0, 2, 0, 0});
}

TEST_CASE("LibTorch's tensors are measured as LibTorch measures them", "[adapt]")
{
  for (const auto type : {at::kFloat, at::kDouble, at::kHalf}) {
    const X a = at::rand({2, 101}).to(type) - 0.5, b = at::rand({2, 101}).to(type);
    const X wide = a.to(at::kDouble), other = b.to(at::kDouble);
    REQUIRE_THAT(fewstep::norm(a), WithinRel(wide.norm().item<double>(), 1e-12));
    REQUIRE_THAT(squared_distance(a, b), WithinRel((wide - other).square().sum().item<double>(), 1e-12));
    const auto quantiles = quantile_abs(a, 2, 0.3);
    const X right = wide.abs().quantile(0.3, 1);
    for (std::int64_t k = 0; k < 2; ++k)
      REQUIRE_THAT(quantiles[static_cast<std::size_t>(k)], WithinAbs(right[k].item<double>(), 1e-15));

    X clamped = a.clone();
    clamp(clamped, -0.25, 0.125);
    REQUIRE(clamped.to(at::kDouble).equal(wide.clamp(-0.25, 0.125)));

    REQUIRE(all_finite(a));
    for (const double bad : {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
      X spoilt = a.clone();
      spoilt[1][50] = bad;
      REQUIRE_FALSE(all_finite(spoilt));
    }
  }
}

TEST_CASE("a duplicate of LibTorch's tensor shares nothing with it", "[adapt]")
{
  const X x = at::rand({3});
  const X copy = duplicate(x);
  REQUIRE(copy.equal(x));
  REQUIRE_FALSE(copy.is_alias_of(x));
}

TEST_CASE("a run over LibTorch's tensors gives the numbers of a run over std::vector", "[adapt]")
{
  test::require_same_run<float>(at::zeros({4, 5}, at::kFloat));
  test::require_same_run<double>(at::zeros({2, 3, 4}, at::kDouble));
}

TEST_CASE("where a run takes LibTorch's own kernels, each row ends within a few units in the last place", "[adapt]")
{
  // every second column of a wider tensor: not dense, so each term is an operator of its own. It rounds its product and
  // its sum; five terms a row and twelve rows of numbers below 2, each row contracting what came before
  const at::Tensor strided = at::zeros({4, 10}, at::kDouble).slice(1, 0, 10, 2);
  const auto run = test::listed(test::same_run(strided)),
             expected = test::listed(test::same_run(std::vector<double>(20)));
  for (std::size_t i = 0; i < run.size(); ++i) REQUIRE(std::abs(run[i] - expected[i]) < 12 * 5 * 2 * 2.3e-16);
}
