#include "golden.hpp"

#include "fewstep/io/file.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

namespace conformance {

const json& member(const json& object, std::string_view key)
{
  static const json nothing;
  if (!object.is_object()) throw mismatch("an object with \"" + std::string(key) + "\" is expected");
  const auto found = object.find(key);
  return found == object.end() ? nothing : *found;
}

double number(const json& value, std::string_view what)
{
  if (value.is_number()) return value.get<double>();
  if (value == "inf") return std::numeric_limits<double>::infinity();
  if (value == "-inf") return -std::numeric_limits<double>::infinity();
  throw mismatch("\"" + std::string(what) + "\" must hold numbers, but holds " + value.dump().substr(0, 40));
}

namespace {

const json& array(const json& value, std::string_view what)
{
  if (!value.is_array()) throw mismatch("the list \"" + std::string(what) + "\" is missing");
  return value;
}

numbers flat(const json& value, std::string_view what, int depth = 0)
{
  if (!value.is_array()) return {number(value, what)};
  if (depth > 8) throw mismatch("\"" + std::string(what) + "\" is nested too deep");
  numbers out;
  for (const json& element : value) {
    const numbers part = flat(element, what, depth + 1);
    out.insert(out.end(), part.begin(), part.end());
  }
  return out;
}

}  // namespace

numbers list(const json& value, std::string_view what)
{
  numbers out;
  for (const json& element : array(value, what)) out.push_back(number(element, what));
  return out;
}

states lists(const json& value, std::string_view what)
{
  states out;
  for (const json& element : array(value, what)) out.push_back(flat(array(element, what), what));
  return out;
}

double number_or(const json& object, std::string_view key, double fallback)
{
  const json& value = member(object, key);
  return value.is_null() ? fallback : number(value, key);
}

namespace {

std::size_t whole(const json& value, std::string_view what)
{
  constexpr double most = 100'000;
  const double number = value.is_number() ? value.get<double>() : -1;
  if (!(number >= 0 && number <= most && number == std::floor(number)))
    throw mismatch("\"" + std::string(what) + "\" must be a count, but is " + value.dump().substr(0, 40));
  return static_cast<std::size_t>(number);
}

}  // namespace

std::size_t count(const json& object, std::string_view key)
{
  return whole(member(object, key), key);
}

std::vector<std::size_t> counts(const json& object, std::string_view key)
{
  std::vector<std::size_t> out;
  for (const json& element : array(member(object, key), key)) out.push_back(whole(element, key));
  return out;
}

std::string text(const json& object, std::string_view key)
{
  const json& value = member(object, key);
  if (!value.is_string()) throw mismatch("\"" + std::string(key) + "\" must be a string");
  return value.get<std::string>();
}

void require_known(const json& object, std::string_view what, std::initializer_list<std::string_view> known)
{
  if (!object.is_object()) throw mismatch("\"" + std::string(what) + "\" must be an object");
  for (const auto& [key, value] : object.items())
    if (std::find(known.begin(), known.end(), key) == known.end())
      throw unsupported("the option \"" + key + "\" of \"" + std::string(what) + "\" is not known");
}

sampler_case::sampler_case(const std::filesystem::path& file) :
    document_(json::parse(fewstep::read_text(file), nullptr, false))
{
  if (document_.is_discarded()) throw mismatch("the file is no JSON");
  if (!config().is_object()) throw mismatch("the case has no \"config\"");
}

std::string sampler_case::family() const
{
  return text(document_, "family");
}

const json& sampler_case::field(std::string_view key) const
{
  const json& exact = member(document_, "double_run");
  if (exact.is_object() && exact.contains(key)) return exact.find(key).value();
  return member(document_, key);
}

numbers sampler_case::flat_at(std::string_view key) const
{
  return flat(array(field(key), key), key);
}

numbers sampler_case::times_at(std::string_view key) const
{
  numbers out;
  for (const json& call : array(field(key), key)) {
    const numbers times = flat(call, key);
    if (times.empty() || std::count(times.begin(), times.end(), times[0]) != std::ssize(times))
      throw mismatch("\"" + std::string(key) + "\" must hold one time for a whole batch");
    out.push_back(times[0]);
  }
  return out;
}

void sampler_case::require_network(std::string_view name) const
{
  const json& model = member(document_, "model");
  if (model != name) throw unsupported("the network " + model.dump().substr(0, 40) + " is not known");
}

std::vector<std::size_t> sampler_case::shape() const
{
  const std::vector<std::size_t> extents = counts(document_, "shape");
  double size = 1;
  for (const std::size_t extent : extents) size *= static_cast<double>(extent);
  if (extents.empty() || size == 0 || size != static_cast<double>(flat_at("initial").size()))
    throw mismatch("\"shape\" is not that of \"initial\"");
  return extents;
}

states sampler_case::noises() const
{
  const states drawn = states_at("noises");
  if (!has("noise_used")) return drawn;
  const json& used = array(field("noise_used"), "noise_used");
  if (used.size() != drawn.size()) throw mismatch("\"noise_used\" and \"noises\" differ in length");
  states out;
  for (std::size_t k = 0; k < drawn.size(); ++k)
    if (used[k] == true) out.push_back(drawn[k]);
  return out;
}

bool sampler_case::is_double() const
{
  return member(document_, "double_run").is_object() || member(document_, "precision") == "float64";
}

double sampler_case::tolerance(double size) const
{
  constexpr double float32 = 4 * 1.7e-5;
  const double scale = std::max(1.0, size);
  if (!is_double()) return float32 * scale;
  const json& measured = member(document_, "measured");
  const auto sensitivity = [&](std::string_view key) {
    const json& value = measured.is_object() ? member(measured, key) : measured;
    return value.is_number() ? value.get<double>() : 0;
  };
  return 1e-12 * scale + 20 * sensitivity("double_rounding_sensitivity") +
         20 * size * sensitivity("double_rounding_sensitivity_relative");
}

double sampler_case::tolerance(const states& of) const
{
  return tolerance(largest(of));
}

double sampler_case::tolerance(const numbers& of) const
{
  return tolerance(largest(of));
}

double largest(const numbers& of)
{
  double most = 0;
  for (const double value : of)
    if (std::isfinite(value)) most = std::max(most, std::abs(value));
  return most;
}

double largest(const states& of)
{
  double most = 0;
  for (const numbers& state : of) most = std::max(most, largest(state));
  return most;
}

}  // namespace conformance
