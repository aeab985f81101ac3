/// @file
/// Plans as text: an aligned table for people, JSON for programs, an array for C.
#pragma once

#include "fewstep/io/json.hpp"
#include "fewstep/io/object_reader.hpp"
#include "fewstep/plan/check.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/noise_level.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fewstep {

/// "data", "noise", "velocity", "score" or "flow".
inline std::string_view name_of(prediction kind)
{
  constexpr std::array<std::string_view, 5> names{"data", "noise", "velocity", "score", "flow"};
  return names[static_cast<std::size_t>(kind)];
}

namespace detail {

/// A number in `width` columns, to six digits.
inline std::string cell(double number, int width = 13)
{
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%*.6g", width, number);
  return text.data();
}

inline std::string heading(std::string_view name, std::size_t width = 13)
{
  return std::string(width - std::min(width, name.size()), ' ') + std::string(name);
}

}  // namespace detail

/// The plan as a table: one line per row, right-aligned columns for the level, keep and each weight that some row uses.
inline std::string to_table(const sampling_plan& plan)
{
  const auto& rows = plan.steps;
  const auto any = [&](auto member) {
    return std::any_of(rows.begin(), rows.end(), [=](const plan_step& row) { return row.*member != 0; });
  };
  const std::size_t outputs = depth(plan);
  const bool noise = any(&plan_step::noise), last_noise = any(&plan_step::last_noise);
  const auto level = [](const noise_level& at) {
    return detail::cell(at.t, 10) + detail::cell(at.alpha) + detail::cell(at.sigma);
  };

  std::string text = "weighs predicted " + std::string(name_of(plan.predicts));
  if (plan.lift != 0) text += ", lift " + detail::cell(plan.lift, 0);
  text += "\n row" + detail::heading("t", 10) + detail::heading("alpha") + detail::heading("sigma") +
          detail::heading("keep");
  for (std::size_t j = 0; j < outputs; ++j) text += detail::heading("model[" + std::to_string(j) + "]");
  if (noise) text += detail::heading("noise");
  if (last_noise) text += detail::heading("last_noise");
  for (std::size_t k = 0; k < rows.size(); ++k) {
    text += "\n" + detail::heading(std::to_string(k), 4) + level(rows[k].at) + detail::cell(rows[k].keep);
    for (std::size_t j = 0; j < outputs; ++j) text += detail::cell(rows[k].model[j]);
    if (noise) text += detail::cell(rows[k].noise);
    if (last_noise) text += detail::cell(rows[k].last_noise);
  }
  return text + "\n end" + level(plan.end) + "\n";
}

namespace detail {

inline json::object level_members(const noise_level& at)
{
  return {{"t", at.t}, {"alpha", at.alpha}, {"sigma", at.sigma}};
}

inline noise_level read_level(json::object_reader& from)
{
  return {from.get<double>("t"), from.get<double>("alpha"), from.get<double>("sigma")};
}

inline void refuse_unused(const json::object_reader& from)
{
  if (const auto keys = from.unused(); !keys.empty()) from.refuse(keys.front(), "left out: plans have no such member");
}

inline plan_step read_row(json::object_reader& from)
{
  plan_step row{.at = read_level(from), .keep = from.get<double>("keep")};
  const auto weights = from.get<std::vector<double>>("model");
  from.require(!weights.empty() && weights.size() <= max_history, "model",
               "an array of 1 to " + std::to_string(max_history) + " numbers");
  std::copy(weights.begin(), weights.end(), row.model.begin());
  row.noise = from.get_or("noise", 0.0);
  row.last_noise = from.get_or("last_noise", 0.0);
  refuse_unused(from);
  return row;
}

}  // namespace detail

/// The plan as JSON. Every number comes back with the same bits. Weights of outputs that no row uses, and noise of
/// plans that have none, are left out.
inline json::value to_json(const sampling_plan& plan)
{
  const auto outputs = static_cast<std::ptrdiff_t>(depth(plan));
  json::array rows;
  for (const plan_step& step : plan.steps) {
    json::object row = detail::level_members(step.at);
    row.emplace_back("keep", step.keep);
    row.emplace_back("model", json::array(step.model.begin(), step.model.begin() + outputs));
    if (step.noise != 0) row.emplace_back("noise", step.noise);
    if (step.last_noise != 0) row.emplace_back("last_noise", step.last_noise);
    rows.emplace_back(std::move(row));
  }
  return json::object{{"format", "fewstep plan"},
                      {"version", 1},
                      {"predicts", name_of(plan.predicts)},
                      {"start", detail::level_members(plan.start)},
                      {"lift", plan.lift},
                      {"rows", std::move(rows)},
                      {"end", detail::level_members(plan.end)}};
}

/// Reads what `to_json` wrote, or what another program wrote in its form. Throws std::runtime_error, naming the member,
/// if it is none or cannot be run (see `require_plan`).
inline sampling_plan read_plan(json::object_reader from)
{
  from.one_of<int>("format", {{"fewstep plan", 0}});
  from.require(from.get<int>("version") == 1, "version", "1");
  sampling_plan plan{.predicts = from.one_of<prediction>("predicts", {{"data", prediction::data},
                                                                      {"noise", prediction::noise},
                                                                      {"velocity", prediction::velocity},
                                                                      {"score", prediction::score},
                                                                      {"flow", prediction::flow}})};
  json::object_reader start = from.child("start"), end = from.child("end");
  plan.start = detail::read_level(start);
  plan.lift = from.get_or("lift", 0.0);
  for (json::object_reader& row : from.children("rows")) plan.steps.push_back(detail::read_row(row));
  plan.end = detail::read_level(end);
  for (const json::object_reader* part : {&start, &end, &from}) detail::refuse_unused(*part);
  try {
    require_plan(plan);
  } catch (const std::invalid_argument& error) {
    throw std::runtime_error(from.place("rows") + ": " + error.what());
  }
  return plan;
}

inline sampling_plan read_plan(const std::filesystem::path& path)
{
  return read_plan(json::read_object(path));
}

inline void write_plan(const std::filesystem::path& path, const sampling_plan& plan)
{
  json::write_file(path, to_json(plan));
}

namespace detail {

inline void require_identifier(std::string_view name)
{
  const auto letter = [](char c) { return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto other = [&](char c) { return letter(c) || (c >= '0' && c <= '9'); };
  if (name.empty() || !letter(name.front()) || !std::all_of(name.begin(), name.end(), other))
    throw std::invalid_argument("an array in C is named by letters, digits and _, but is to be \"" + std::string(name) +
                                "\"");
}

/// "  {999.0, 0.5, 0.0},", with zeros up to `columns`.
inline std::string array_line(std::vector<double> numbers, std::size_t columns)
{
  numbers.resize(columns);
  std::string text = "  {";
  for (double number : numbers) text += (text.size() > 3 ? ", " : "") + json::write(json::value(number));
  return text + "},\n";
}

}  // namespace detail

/// The plan as an array of C or C++, for programs without this library. A comment names its columns: first the line of
/// the start, then the rows, then the line of the end. Every number has the bits of the plan's. Throws
/// std::invalid_argument if the name is none in C.
inline std::string to_c_array(const sampling_plan& plan, std::string_view name)
{
  detail::require_identifier(name);
  const std::size_t outputs = depth(plan), columns = outputs + 6, rows = plan.steps.size();
  std::string weights;
  for (std::size_t j = 0; j < outputs; ++j) weights += "model[" + std::to_string(j) + "], ";
  std::string text = "/* A sampling plan of " + std::to_string(rows) + " evaluations of a network that predicts " +
                     std::string(name_of(plan.predicts)) +
                     ".\n   First line: t, alpha, sigma of the x given in, then the deviation of noise to add to it."
                     "\n   Then, row by row: t, alpha, sigma, keep, " +
                     weights +
                     "noise, last_noise:\n     x <- keep * x + sum_j model[j] * (output of j rows ago) + noise * z + "
                     "last_noise * (z of the row before)\n   Last line: t, alpha, sigma of what comes out. */\n" +
                     "static const double " + std::string(name) + "[" + std::to_string(rows + 2) + "][" +
                     std::to_string(columns) + "] = {\n";
  const noise_level &start = plan.start, &end = plan.end;
  text += detail::array_line({start.t, start.alpha, start.sigma, plan.lift}, columns);
  for (const plan_step& row : plan.steps) {
    std::vector<double> numbers{row.at.t, row.at.alpha, row.at.sigma, row.keep};
    numbers.insert(numbers.end(), row.model.begin(), row.model.begin() + static_cast<std::ptrdiff_t>(outputs));
    numbers.insert(numbers.end(), {row.noise, row.last_noise});
    text += detail::array_line(std::move(numbers), columns);
  }
  return text + detail::array_line({end.t, end.alpha, end.sigma}, columns) + "};\n";
}

}  // namespace fewstep
