#include "fewstep/nn/product.hpp"

#include "support/catch.hpp"
#include "support/features.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

using namespace fewstep;
using namespace fewstep::nn::detail;
using Catch::Matchers::WithinAbs;

TEST_CASE("panels cover every column once, one to three registers wide", "[nn]")
{
  for (std::size_t columns = 0; columns < 20 * lanes; ++columns) {
    std::size_t next = 0;
    for_each_panel(columns, [&](const panel& p) {
      REQUIRE(p.first == next);
      REQUIRE((p.packets >= 1 && p.packets <= 3));
      REQUIRE((p.columns > (p.packets - 1) * lanes && p.columns <= p.packets * lanes));
      next += p.columns;
    });
    REQUIRE(next == columns);
  }
}

TEST_CASE("a tile times a matrix is the sum of products, with bias, addend and gain", "[nn]")
{
  test::numbers next(5);
  for (const std::size_t columns : {1u, 7u, 16u, 24u, 50u, 64u, 130u}) {
    const std::size_t depth = 11, pieces = 3, jump = 40, rows = tile_rows - 1;
    const auto a = next(rows * depth + pieces * jump + depth), b = next(pieces * depth * columns);
    const auto bias = next(columns + 3 * lanes);
    auto out = next(rows * columns);
    const auto before = out;
    const prepared_matrix matrix =
        prepare_matrix(pieces * depth, columns, [&](std::size_t k, std::size_t c) { return b[k * columns + c]; });

    tile t{rows};
    for (std::size_t r = 0; r < tile_rows; ++r) {
      const std::size_t row = std::min(r, rows - 1);
      t.from[r] = a.data() + row * depth;
      t.to[r] = out.data() + row * columns;
      t.add[r] = t.to[r];
    }
    for (const panel& p : matrix.panels) multiply(t, {pieces, depth, jump}, matrix, p, {bias.data(), true, 0.5f});

    for (std::size_t r = 0; r < rows; ++r)
      for (std::size_t c = 0; c < columns; ++c) {
        double sum = double(bias[c]) + double(before[r * columns + c]);
        for (std::size_t piece = 0; piece < pieces; ++piece)
          for (std::size_t k = 0; k < depth; ++k)
            sum += double(a[r * depth + piece * jump + k]) * double(b[(piece * depth + k) * columns + c]);
        // 35 sums of numbers below 1, each rounded at most to 6e-8 of what has gathered, which stays below 35
        REQUIRE_THAT(double(out[r * columns + c]), WithinAbs(0.5 * sum, 35 * 35 * 6e-8));
      }
  }
}
