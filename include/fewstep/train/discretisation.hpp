/// @file
/// How many levels a student is trained on as training goes on, and how fast its target follows: N(k) and mu(k) of
/// consistency training (Song et al. 2023, arXiv:2303.01469, appendix C), the doubling of iCT (arXiv:2310.14189) and
/// the halving of progressive distillation (arXiv:2202.00512).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>

namespace fewstep::train {

/// How the number of intervals s goes from `first` to `last` in `steps` steps of training.
struct level_growth {
  std::size_t first = 2;       ///< s_0
  std::size_t last = 150;      ///< s_1
  std::size_t steps = 800000;  ///< K
};

namespace detail {

/// Throws std::invalid_argument unless 1 <= first <= last and there is a step.
inline void require_growth(const level_growth& growth)
{
  if (growth.first == 0 || growth.last < growth.first || growth.steps == 0)
    throw std::invalid_argument("levels must grow from at least 1 in at least one step, but go from " +
                                std::to_string(growth.first) + " to " + std::to_string(growth.last) + " in " +
                                std::to_string(growth.steps));
}

}  // namespace detail

/// N(k) = ceil(sqrt(k / K ((s_1 + 1)^2 - s_0^2) + s_0^2) - 1) + 1, at least 2; from K on s_1 + 1.
inline std::size_t progressive_levels(std::size_t k, const level_growth& growth = {})
{
  detail::require_growth(growth);
  const double part = std::min(1.0, static_cast<double>(k) / static_cast<double>(growth.steps));
  const auto first = static_cast<double>(growth.first), end = static_cast<double>(growth.last + 1);
  const double intervals = std::ceil(std::sqrt(part * (end * end - first * first) + first * first) - 1);
  return static_cast<std::size_t>(std::max(1.0, intervals)) + 1;
}

/// The paper writes the number of levels N(k) into mu; its code the number of intervals, N(k) - 1.
enum class decay_rule { paper, official_code };

/// The rate of the target's average, mu(k) = exp(s_0 ln mu_0 / N(k)). Throws std::invalid_argument unless mu_0 lies in
/// (0, 1].
inline double target_decay(std::size_t k, double first_decay = 0.9, const level_growth& growth = {},
                           decay_rule rule = decay_rule::paper)
{
  if (!(first_decay > 0 && first_decay <= 1))
    throw std::invalid_argument("the first decay must lie in (0, 1], but is " + std::to_string(first_decay));
  const std::size_t levels = progressive_levels(k, growth), n = rule == decay_rule::paper ? levels : levels - 1;
  return std::exp(static_cast<double>(growth.first) * std::log(first_decay) / static_cast<double>(n));
}

/// iCT: N(k) = min(s_0 2^floor(k / K'), s_1) + 1 with K' = floor(K / (log2 floor(s_1 / s_0) + 1)). For 10, 1280 and
/// 400,000 steps: 11, 21, 41, ... 1281, each for 50,000 steps.
inline std::size_t doubling_levels(std::size_t k,
                                   const level_growth& growth = {.first = 10, .last = 1280, .steps = 400000})
{
  detail::require_growth(growth);
  const double stages = std::log2(static_cast<double>(growth.last / growth.first)) + 1;
  const double length = std::max(1.0, std::floor(static_cast<double>(growth.steps) / stages));
  const double doubled = static_cast<double>(growth.first) * std::exp2(std::floor(static_cast<double>(k) / length));
  return static_cast<std::size_t>(std::min(doubled, static_cast<double>(growth.last))) + 1;
}

/// Progressive distillation: the student's number of steps is halved every `length` steps of training, from `first`
/// down to 1; the last two, 2 and 1, are trained twice as long, as in the code of consistency models.
/// Throws std::invalid_argument unless `first` is a power of two, at least 2, and length > 0.
inline std::size_t halving_steps(std::size_t k, std::size_t first = 4096, std::size_t length = 50000)
{
  if (first < 2 || (first & (first - 1)) != 0 || length == 0)
    throw std::invalid_argument(
        "halving needs a power of two of at least 2 to start from and stages of at least one "
        "step, but got " +
        std::to_string(first) + " and " + std::to_string(length));
  std::size_t steps = first, stage = k / length;
  for (; steps > 2 && stage > 0; --stage) steps /= 2;
  return steps > 2 || stage < 2 ? steps : 1;
}

}  // namespace fewstep::train
