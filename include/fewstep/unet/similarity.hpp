/// @file
/// How alike the deep features of neighbouring rows are: the premise of DeepCache (Ma et al. 2023, arXiv:2312.00858,
/// figure 3), and what tells a good branch from a bad one.
#pragma once

#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/tensor/measure.hpp"
#include "fewstep/tensor/tensor.hpp"
#include "fewstep/unet/kept_feature.hpp"

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

namespace fewstep {

/// The decoder feature that enters a connection, beside the same at the row before.
struct similarity {
  std::size_t row;
  std::size_t connection;
  double cosine;    ///< of the angle between them
  double distance;  ///< between them, relative to the norm of the earlier one: the error of a cache one row old
};

/// A join hook that compares, at every connection, each evaluation with the one before it. Run any plan with it; it
/// holds the features of one evaluation and changes nothing. Belongs to one stream of evaluations, like a cache.
template <class H>
requires tensor<H> && has_elements<H>
class feature_similarity {
public:
  void operator()(std::size_t i, const H& deep, const H&, const evaluation& at)
  {
    if (i >= before_.size()) before_.resize(i + 1);
    std::optional<H>& before = before_[i];
    if (before) {
      const double norms = fewstep::norm(deep) * fewstep::norm(*before);
      table_.push_back(
          {at.row, i, norms == 0 ? 0 : fewstep::dot(deep, *before) / norms, detail::relative_distance(deep, *before)});
    }
    before = duplicate(deep);
  }

  /// In the order of evaluation; connections from the innermost out.
  const std::vector<similarity>& table() const { return table_; }

private:
  std::vector<std::optional<H>> before_{};
  std::vector<similarity> table_{};
};

/// The mean over all rows, by connection. Rows of the means are 0.
inline std::vector<similarity> mean_by_connection(const std::vector<similarity>& table)
{
  std::vector<similarity> means;
  std::vector<double> counts;
  for (const similarity& one : table) {
    for (std::size_t i = means.size(); i <= one.connection; ++i) means.push_back({0, i, 0, 0}), counts.push_back(0);
    means[one.connection].cosine += one.cosine;
    means[one.connection].distance += one.distance;
    counts[one.connection] += 1;
  }
  for (std::size_t i = 0; i < means.size(); ++i) means[i].cosine /= counts[i], means[i].distance /= counts[i];
  return means;
}

}  // namespace fewstep
