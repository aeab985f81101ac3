#include "fewstep/nn/narrow_product.hpp"

#include "fewstep/nn/packet.hpp"
#include "fewstep/nn/product.hpp"
#include "support/catch.hpp"
#include "support/features.hpp"

#include <algorithm>
#include <cstddef>

using namespace fewstep;
using namespace fewstep::nn::detail;
using Catch::Matchers::WithinAbs;

TEST_CASE("a tile times few columns is the sum of products, with bias, addend and gain", "[nn]")
{
  test::numbers next(7);
  for (std::size_t columns = 1; columns <= most_narrow_columns; ++columns)
    for (const std::size_t depth : {5u, 16u, 72u}) {
      const std::size_t pieces = 3, jump = 80, rows = tile_rows - 1;
      const auto a = next(rows * depth + pieces * jump + whole_packets(depth)), b = next(pieces * depth * columns);
      const auto bias = next(columns);
      auto out = next(rows * columns);
      const auto before = out;
      const prepared_matrix matrix =
          prepare_narrow(pieces, depth, columns, [&](std::size_t k, std::size_t c) { return b[k * columns + c]; });

      tile t{rows};
      for (std::size_t r = 0; r < tile_rows; ++r) {
        const std::size_t row = std::min(r, rows - 1);
        t.from[r] = a.data() + row * depth;
        t.to[r] = out.data() + row * columns;
        t.add[r] = t.to[r];
      }
      multiply_narrow(t, {pieces, depth, jump}, matrix, {bias.data(), true, 0.5f});

      for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t c = 0; c < columns; ++c) {
          double sum = double(bias[c]) + double(before[r * columns + c]);
          for (std::size_t piece = 0; piece < pieces; ++piece)
            for (std::size_t k = 0; k < depth; ++k)
              sum += double(a[r * depth + piece * jump + k]) * double(b[(piece * depth + k) * columns + c]);
          // each of up to 218 numbers below 1 is rounded at most to 6e-8 of what has gathered, either way
          REQUIRE_THAT(double(out[r * columns + c]), WithinAbs(0.5 * sum, 6e-8 * 218 * 15));
        }
    }
}
