/// @file
/// A golden sampler case as its JSON file has it.
#pragma once

#include "report.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace conformance {

using nlohmann::json;
using numbers = std::vector<double>;
using states = std::vector<numbers>;

/// The member of an object, or null. Throws mismatch if `object` is none.
const json& member(const json& object, std::string_view key);

/// A number; "inf" and "-inf" stand for infinities. Throws mismatch on anything else.
double number(const json& value, std::string_view what);
numbers list(const json& value, std::string_view what);

/// A list of lists of any depth, each as its numbers in order: a batch is flat here.
states lists(const json& value, std::string_view what);

/// The number that a member is, or the fallback if it is missing or null.
double number_or(const json& object, std::string_view key, double fallback);

/// The member that is a count. Throws mismatch unless it is a whole number up to 100,000.
std::size_t count(const json& object, std::string_view key);

/// The member that is a list of counts.
std::vector<std::size_t> counts(const json& object, std::string_view key);

/// The member that is a string. Throws mismatch if it is none.
std::string text(const json& object, std::string_view key);

/// Throws unsupported if `object` has a member that is not in `known`: an option that would be passed over.
void require_known(const json& object, std::string_view what, std::initializer_list<std::string_view> known);

/// One case. Fields are those of the double run, where there is one.
class sampler_case {
public:
  /// Throws mismatch if the file is no JSON object with a `config`.
  explicit sampler_case(const std::filesystem::path& file);

  std::string family() const;
  const json& config() const { return member(document_, "config"); }

  /// The field, or null.
  const json& field(std::string_view key) const;

  bool has(std::string_view key) const { return !field(key).is_null(); }
  numbers at(std::string_view key) const { return list(field(key), key); }
  states states_at(std::string_view key) const { return lists(field(key), key); }

  /// All numbers of a list of lists of any depth, in their order.
  numbers flat_at(std::string_view key) const;

  /// One time a call; batches have one for each sample, which are the same. Throws mismatch if they are not.
  numbers times_at(std::string_view key) const;

  /// Throws unsupported if the case was made on another network.
  void require_network(std::string_view name) const;

  /// Lengths of the dimensions of the state, samples first. Throws mismatch unless they are those of `initial`.
  std::vector<std::size_t> shape() const;

  /// Samples in the batch.
  std::size_t samples() const { return shape().front(); }

  /// The draws that the official run used, in order.
  states noises() const;

  /// What numbers of size up to `largest` may differ by: 1e-12 times it (at least 1) and 20 times the rounding
  /// sensitivity that was measured, for losses in proportion to them; 4 times the largest distance that float32 was
  /// seen to cause, where the case holds no double run.
  double tolerance(double largest) const;
  double tolerance(const states& of) const;
  double tolerance(const numbers& of) const;

private:
  bool is_double() const;

  json document_;
};

/// The largest magnitude.
double largest(const numbers& of);
double largest(const states& of);

}  // namespace conformance
