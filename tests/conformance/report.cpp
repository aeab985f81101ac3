#include "report.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <limits>

namespace conformance {

namespace {

std::string scientific(double number)
{
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1e", number);
  return text.data();
}

/// |ours - theirs|; infinite for a NaN on one side and for infinities that differ.
double distance(double ours, double theirs)
{
  if (ours == theirs) return 0;
  const double error = std::abs(ours - theirs);
  return std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
}

}  // namespace

void comparison::add(const std::string& what, std::span<const double> ours, std::span<const double> theirs,
                     double tolerance)
{
  if (ours.size() != theirs.size())
    throw mismatch(what + ": " + std::to_string(ours.size()) + " numbers, but " + std::to_string(theirs.size()) +
                   " are expected");
  for (std::size_t k = 0; k < ours.size(); ++k) {
    const double error = distance(ours[k], theirs[k]);
    const double ratio = error == 0 ? 0 : error / tolerance;
    compared_ = true;
    if (ratio <= ratio_) continue;
    worst_ = what + "[" + std::to_string(k) + "]";
    error_ = error, tolerance_ = tolerance, ratio_ = ratio;
  }
}

void comparison::add(const std::string& what, const std::vector<std::vector<double>>& ours,
                     const std::vector<std::vector<double>>& theirs, double tolerance)
{
  if (ours.size() != theirs.size())
    throw mismatch(what + ": " + std::to_string(ours.size()) + " of them, but " + std::to_string(theirs.size()) +
                   " are expected");
  for (std::size_t k = 0; k < ours.size(); ++k)
    add(what + "[" + std::to_string(k) + "]", ours[k], theirs[k], tolerance);
}

void comparison::add(const std::string& what, double ours, double theirs, double tolerance)
{
  add(what, std::span(&ours, 1), std::span(&theirs, 1), tolerance);
}

outcome comparison::result() const
{
  if (!compared_) throw mismatch("the case holds nothing to compare with");
  if (ratio_ <= 1) return {verdict::pass, error_, tolerance_, ""};
  return {verdict::fail, error_, tolerance_, "the worst is " + worst_};
}

std::string line(const std::string& name, const outcome& result)
{
  static constexpr std::array words{"pass       ", "FAIL       ", "unsupported"};
  std::string text = words[static_cast<std::size_t>(result.what)] + std::string(" ") + name;
  if (result.tolerance > 0)
    text += "  " + scientific(result.error) + "  " + scientific(result.tolerance);
  else
    text += "  -  -";
  for (const char c : result.reason.empty() ? "" : "  " + result.reason) text += c == '\n' ? ' ' : c;
  return text;
}

void totals::count(const outcome& result)
{
  ++(result.what == verdict::pass ? pass : result.what == verdict::fail ? fail : unsupported);
}

std::string line(const totals& sums)
{
  return "total: " + std::to_string(sums.pass) + " pass, " + std::to_string(sums.fail) + " fail, " +
         std::to_string(sums.unsupported) + " unsupported";
}

}  // namespace conformance
