/// @file
/// The page on U-Nets with two exported graphs, as it is printed, against a stand-in for ONNX Runtime: its names and
/// signatures, and networks of numbers in the place of its sessions.
#include "fewstep/tensor/contiguous.hpp"
#include "fewstep/unet/black_box.hpp"
#include "fewstep/unet/deep_cache.hpp"
#include "fewstep/unet/refresh.hpp"
#include "fewstep/unet/unet.hpp"
#include "support/catch.hpp"
#include "support/toy_unet.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

struct OrtMemoryInfo {};

namespace {

enum OrtAllocatorType { OrtArenaAllocator };
enum OrtMemType { OrtMemTypeDefault };

using numbers = std::vector<float>;

namespace Ort {

struct Env {};
struct SessionOptions {};
struct RunOptions {};

struct MemoryInfo {
  static MemoryInfo CreateCpu(OrtAllocatorType, OrtMemType) { return {}; }
  operator const OrtMemoryInfo*() const { return &info; }
  OrtMemoryInfo info{};
};

struct TensorTypeAndShapeInfo {
  std::size_t count;
  std::size_t GetElementCount() const { return count; }
};

/// Owns its numbers, or sees the caller's. Cannot be copied, like the real one.
class Value {
public:
  explicit Value(numbers owned) : owned_(std::move(owned)), first_(owned_.data()), count_(owned_.size()) {}
  Value(Value&&) = default;
  Value& operator=(Value&&) = default;

  template <class T>
  static Value CreateTensor(const OrtMemoryInfo*, T* first, std::size_t count, const std::int64_t*, std::size_t)
  {
    Value seen{numbers()};
    seen.first_ = first, seen.count_ = count;
    return seen;
  }

  template <class T>
  const T* GetTensorData() const
  {
    return first_;
  }
  TensorTypeAndShapeInfo GetTensorTypeAndShapeInfo() const { return {count_}; }

private:
  numbers owned_;
  const float* first_;
  std::size_t count_;
};

struct Session {
  Session(Env&, const char* path, const SessionOptions&) : whole(std::string(path) == "whole.onnx") {}
  bool whole;

  template <class B>
  void Run(const RunOptions&, B& binding);
};

struct IoBinding {
  explicit IoBinding(Session&) {}
  void BindInput(const char* name, const Value& value)
  {
    const float* first = value.GetTensorData<float>();
    inputs[name] = numbers(first, first + value.GetTensorTypeAndShapeInfo().GetElementCount());
  }
  void BindOutput(const char* name, const OrtMemoryInfo*) { names.emplace_back(name); }
  std::vector<Value> GetOutputValues() { return std::move(outputs); }

  std::map<std::string, numbers> inputs{};
  std::vector<std::string> names{};
  std::vector<Value> outputs{};
};

constexpr std::size_t connections = 4, branch = 1;

template <class B>
void Session::Run(const RunOptions&, B& binding)
{
  const double angle = 0.3 * double(binding.inputs.at("t").at(0));
  numbers prediction, feature;
  for (std::size_t k = 0; k < binding.inputs.at("x").size(); ++k) {
    const double x = double(binding.inputs.at("x")[k]);
    const double kept = whole ? 0 : double(binding.inputs.at("feature")[k]);
    const fewstep::test::unrolled run(connections, x, angle, {}, branch, whole ? nullptr : &kept);
    prediction.push_back(float(run.output));
    feature.push_back(float(run.deeps[branch]));
  }
  for (const std::string& name : binding.names)
    binding.outputs.emplace_back(name == "prediction" ? prediction : feature);
}

}  // namespace Ort

#include "snippets/unet_onnx.hpp"

}  // namespace

TEST_CASE("two exported graphs, as documented, are the network with a cache", "[docs]")
{
  using Catch::Matchers::WithinAbs;
  Ort::Env env;
  graph whole(env, "whole.onnx", {1, 3}), cut(env, "cut.onnx", {1, 3});
  auto graphs = cached(whole, cut, fewstep::every(3));

  const fewstep::test::toy_unet<latent> net{.count = Ort::connections};
  fewstep::deep_cache<latent> cache({.branch = Ort::branch, .refresh = fewstep::every(3)});
  for (std::size_t row = 0; row < 8; ++row) {
    const latent x{0.1f * float(row), -0.8f, 1.3f};
    const auto at = fewstep::test::at_row(row, 8 - double(row));
    const latent expected = evaluate(net, x, at, fewstep::plain_join{}, cache), found = graphs(x, at);
    // features pass through floats on their way
    for (std::size_t k = 0; k < 3; ++k) REQUIRE_THAT(double(found[k]), WithinAbs(double(expected[k]), 1e-6));
  }
  REQUIRE(graphs.report().calls == 8);
  REQUIRE(graphs.report().refreshes == 3);
}
