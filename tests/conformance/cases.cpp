#include "cases.hpp"

#include "fewstep/io/file.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string>

namespace conformance {

namespace fs = std::filesystem;

namespace {

bool has_all(const fs::path& folder, std::initializer_list<const char*> names)
{
  return std::all_of(names.begin(), names.end(), [&](const char* name) { return fs::exists(folder / name); });
}

/// Whether a JSON file means to be a case: it has a member that cases have, or is broken and writes of one.
bool is_case(const fs::path& file)
{
  if (file.extension() != ".json" || file.filename() == "index.json") return false;
  const std::string text = fewstep::read_text(file);
  const auto document = nlohmann::json::parse(text, nullptr, false);
  const auto has = [&](const std::string& key) {
    return document.is_discarded() ? text.find('"' + key + '"') != text.npos : document.contains(key);
  };
  return has("case") || has("family") || has("states");
}

golden_file named(case_kind kind, const fs::path& file)
{
  const fs::path whole = fs::weakly_canonical(file);
  return {kind, (whole.parent_path().filename() / whole.stem()).generic_string(), file};
}

bool is_autoencoder(const fs::path& config)
{
  const auto document = nlohmann::json::parse(fewstep::read_text(config), nullptr, false);
  return document.is_object() && document.value("_class_name", "").starts_with("Autoencoder");
}

/// The kind of case that a folder as a whole is, if it is one.
std::optional<case_kind> kind_of(const fs::path& folder)
{
  if (has_all(folder, {"config.json", "model.safetensors", "io.safetensors"}))
    return is_autoencoder(folder / "config.json") ? case_kind::autoencoder : case_kind::network;
  if (has_all(folder, {"reference.safetensors", "unet", "scheduler"})) return case_kind::checkpoint;
  if (has_all(folder, {"expect.json"}) && std::distance(fs::directory_iterator(folder), {}) == 1)
    return case_kind::schedule_lists;
  return std::nullopt;
}

void collect(const fs::path& folder, std::vector<golden_file>& found)
{
  if (const auto kind = kind_of(folder)) return found.push_back(named(*kind, folder));
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.is_directory() && !entry.is_symlink())
      collect(entry.path(), found);
    else if (entry.is_regular_file() && is_case(entry.path()))
      found.push_back(named(case_kind::sampler, entry.path()));
  }
}

}  // namespace

std::vector<golden_file> find_cases(const fs::path& folder)
{
  if (!fs::exists(folder)) throw std::runtime_error(folder.string() + ": there is no such folder");
  if (!fs::is_directory(folder)) throw std::runtime_error(folder.string() + ": is no folder");
  std::vector<golden_file> found;
  collect(folder, found);
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return found;
}

}  // namespace conformance
