#include "golden.hpp"
#include "networks.hpp"

#include "fewstep/io/file.hpp"
#include "fewstep/unet/centred_refresh.hpp"
#include "fewstep/unet/refresh.hpp"

#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace conformance {

namespace {

/// Lists are exact. One that hangs on the last bit of a power may differ by one row.
constexpr double exact = 0.5, delicate = 1;

numbers doubles(const std::vector<std::size_t>& rows)
{
  return {rows.begin(), rows.end()};
}

void compare_uniform(const json& entry, comparison& all)
{
  const std::size_t interval = count(entry, "interval");
  const auto rows = fewstep::full_rows(fewstep::every(interval), count(entry, "num_steps"));
  all.add("every " + std::to_string(interval), doubles(rows), list(member(entry, "full_steps"), "full_steps"), exact);
}

/// The rows around a centre; nothing if no power gives enough.
numbers rows_of(const json& entry, bool allow_fewer)
{
  const fewstep::refresh_centre centre{count(entry, "center"), number(member(entry, "pow"), "pow"), allow_fewer};
  return doubles(fewstep::rows_around(count(entry, "num_steps"), count(entry, "interval"), centre).rows);
}

/// The code for Stable Diffusion refuses where that for DDPM goes on with fewer rows.
void compare_centred(const json& entry, comparison& all)
{
  const double tolerance = member(entry, "delicate") == true ? delicate : exact;
  const std::string name = "around " + std::to_string(count(entry, "center"));
  all.add(name, rows_of(entry, true), list(member(entry, "ddpm_full_steps"), "ddpm_full_steps"), tolerance);
  if (entry.contains("sd_full_steps") && !entry["sd_full_steps"].is_null()) {
    all.add(name, rows_of(entry, false), list(entry["sd_full_steps"], "sd_full_steps"), tolerance);
    return;
  }
  try {
    rows_of(entry, false);
  } catch (const std::invalid_argument&) {
    return;
  }
  throw mismatch(name + ": the official code refuses these options");
}

}  // namespace

outcome check_schedule_lists(const std::filesystem::path& folder)
{
  const json expect = json::parse(fewstep::read_text(folder / "expect.json"), nullptr, false);
  if (!expect.is_object()) throw mismatch("expect.json is no JSON object");
  comparison all;
  for (const json& entry : member(expect, "uniform")) compare_uniform(entry, all);
  for (const json& entry : member(expect, "sample_from_quad_center")) compare_centred(entry, all);
  return all.result();
}

}  // namespace conformance
