#include "support/catch.hpp"
#include "support/files.hpp"

#include "fewstep/tensor/elements.hpp"

#include <array>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

using namespace fewstep;

namespace {

/// A library's type that hands out copies: numbers in units of 1/100.
struct cents {
  std::vector<long> amounts;
};

}  // namespace

template <>
struct fewstep::tensor_traits<cents> {
  static std::vector<double> numbers(const cents& x)
  {
    std::vector<double> list;
    for (const long amount : x.amounts) list.push_back(static_cast<double>(amount) / 100);
    return list;
  }

  template <class F>
  static void visit(const cents& x, F&& f)
  {
    const std::vector<double> list = numbers(x);
    f(std::span(list));
  }

  template <class F>
  static void edit(cents& x, F&& f)
  {
    std::vector<double> list = numbers(x);
    f(std::span(list));
    for (std::size_t k = 0; k < list.size(); ++k) x.amounts[k] = static_cast<long>(list[k] * 100);
  }
};

TEST_CASE("scalars, contiguous tensors and types that say how have elements", "[tensor]")
{
  STATIC_REQUIRE(has_elements<double>);
  STATIC_REQUIRE(has_elements<float>);
  STATIC_REQUIRE(has_elements<std::vector<float>>);
  STATIC_REQUIRE(has_elements<std::array<double, 2>>);
  STATIC_REQUIRE(has_elements<cents>);
  STATIC_REQUIRE_FALSE(has_elements<int>);
  STATIC_REQUIRE_FALSE(has_elements<std::vector<int>>);
  STATIC_REQUIRE_FALSE(has_elements<std::string>);
}

TEST_CASE("elements are visited in order and edited in place", "[tensor]")
{
  const auto increase = [](auto numbers) {
    for (auto& number : numbers) number += 1;
  };
  const auto sum_by_place = [](const auto& x) {
    double sum = 0;
    visit_elements(x, [&](auto numbers) {
      for (std::size_t k = 0; k < numbers.size(); ++k) sum += static_cast<double>(k + 1) * numbers[k];
    });
    return sum;
  };

  double number = 1.5;
  edit_elements(number, increase);
  REQUIRE(number == 2.5);
  REQUIRE(sum_by_place(number) == 2.5);

  std::array<float, 3> list{1, 2, 3};
  edit_elements(list, increase);
  REQUIRE(list == std::array<float, 3>{2, 3, 4});
  REQUIRE(sum_by_place(list) == 2 + 6 + 12);

  cents money{{100, 250}};
  edit_elements(money, increase);
  REQUIRE(money.amounts == std::vector<long>{200, 350});
  REQUIRE(sum_by_place(money) == 2 + 7);
}

TEST_CASE("samples are filled one after the other, slowest in storage", "[tensor]")
{
  std::vector<float> x{1, 2, 3, 4, 5, 6};
  fill_samples(x, 3, [](std::size_t k, std::span<float> numbers) {
    REQUIRE(numbers.size() == 2);
    numbers[1] = numbers[0] + 10 * static_cast<float>(k);
  });
  REQUIRE(x == std::vector<float>{1, 1, 3, 13, 5, 25});

  double number = 0;
  fill_samples(number, 1, [](std::size_t, std::span<double> numbers) { numbers[0] = 7; });
  REQUIRE(number == 7);
}

TEST_CASE("a number of samples that does not divide the tensor is refused before anything is written", "[tensor]")
{
  std::vector<float> x(6, 1);
  for (const std::size_t samples : {0u, 4u, 12u}) {
    const auto refusal = test::refusal<std::invalid_argument>(
        [&] { fill_samples(x, samples, [](std::size_t, std::span<float> numbers) { numbers[0] = 0; }); });
    REQUIRE(refusal == "a tensor of 6 numbers does not hold " + std::to_string(samples) + " samples of one size");
  }
  REQUIRE(x == std::vector<float>(6, 1));
}
