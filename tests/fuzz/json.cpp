/// @file
/// Any bytes are a document or a std::runtime_error, and a document survives being written.

#include "fewstep/io/json.hpp"
#include "fewstep/io/object_reader.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

using namespace fewstep;

namespace {

void require(bool good)
{
  if (!good) std::abort();
}

std::optional<json::value> parsed(std::string_view text, const json::limits& accepts = {})
{
  try {
    return json::parse(text, accepts, "input");
  } catch (const std::runtime_error& error) {
    require(std::string_view(error.what()).starts_with("input: line "));
    return std::nullopt;
  }
}

/// Asks for members as types that they may not have.
void read(json::object_reader config)
{
  for (const std::string& key : config.unused()) {
    const auto attempt = [&](auto get) {
      try {
        get();
      } catch (const std::runtime_error& error) {
        require(std::string_view(error.what()).starts_with("input: "));
      }
    };
    attempt([&] { config.get<int>(key); });
    attempt([&] { config.get<std::uint64_t>(key); });
    attempt([&] { config.find<double>(key); });
    attempt([&] { config.get<std::vector<std::vector<float>>>(key); });
    attempt([&] { config.one_of<int>(key, {{"a", 1}, {"b", 2}}); });
    attempt([&] { read(config.child(key)); });
  }
  require(config.unused().empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  parsed(text, {.depth = 3, .bytes = 1000, .non_finite = true});
  const auto document = parsed(text);
  if (!document) return 0;
  const std::string compact = json::write(*document), indented = json::write(*document, {.indent = 1});
  require(parsed(compact) == document);
  require(parsed(indented) == document);
  require(json::write(json::parse(indented)) == compact);
  if (document->kind() == json::kind::object) read({*document, "input"});
  return 0;
}
