/// @file
/// What is said of a case: whether it passed, by how much, and if not why.
#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace conformance {

enum class verdict { pass, fail, unsupported };

struct outcome {
  verdict what = verdict::pass;
  double error = 0;      ///< of the quantity that is worst, measured by its own tolerance
  double tolerance = 0;  ///< of the same quantity
  std::string reason{};  ///< for a failure and for what is not supported
};

/// Thrown where a case asks for something that is not understood; the sentence says what.
struct unsupported : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Thrown where a case cannot be compared: it is malformed, or our run has another form.
struct mismatch : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Collects quantities and remembers the one that comes closest to its tolerance.
class comparison {
public:
  /// Compares number by number. Throws mismatch if there are not equally many.
  void add(const std::string& what, std::span<const double> ours, std::span<const double> theirs, double tolerance);
  void add(const std::string& what, const std::vector<std::vector<double>>& ours,
           const std::vector<std::vector<double>>& theirs, double tolerance);
  void add(const std::string& what, double ours, double theirs, double tolerance);

  /// Throws mismatch if nothing was compared.
  outcome result() const;

private:
  bool compared_ = false;
  std::string worst_{};
  double error_ = 0, tolerance_ = 0, ratio_ = -1;
};

/// "pass         diffusers/ddim_linear_1step  3.6e-16  1.0e-12"
std::string line(const std::string& name, const outcome& result);

/// How many of each there were.
struct totals {
  std::size_t pass = 0, fail = 0, unsupported = 0;

  void count(const outcome& result);
  std::size_t all() const { return pass + fail + unsupported; }
};

std::string line(const totals& sums);

}  // namespace conformance
