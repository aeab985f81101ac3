#include "golden.hpp"

#include "fewstep/io/file.hpp"

#include <algorithm>
#include <cmath>
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
  for (const json& element : array(value, what)) out.push_back(list(element, what));
  return out;
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
  const json& name = member(document_, "family");
  if (!name.is_string()) throw mismatch("the case does not name its \"family\"");
  return name.get<std::string>();
}

const json& sampler_case::field(std::string_view key) const
{
  const json& exact = member(document_, "double_run");
  if (exact.is_object() && exact.contains(key)) return exact.find(key).value();
  return member(document_, key);
}

numbers sampler_case::coefficients(std::string_view key) const
{
  numbers out;
  for (const json& value : array(member(field("coefficients"), key), key))
    out.push_back(value.is_null() ? std::numeric_limits<double>::quiet_NaN() : number(value, key));
  return out;
}

std::size_t sampler_case::samples() const
{
  const numbers shape = at("shape");
  if (shape.empty() || !(shape[0] >= 1)) throw mismatch("\"shape\" must begin with the number of samples");
  return static_cast<std::size_t>(shape[0]);
}

states sampler_case::noises() const
{
  const states drawn = states_at("noises");
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
  const json& sensitivity = measured.is_object() ? member(measured, "double_rounding_sensitivity") : measured;
  return 1e-12 * scale + (sensitivity.is_number() ? 20 * sensitivity.get<double>() : 0);
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
