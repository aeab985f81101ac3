#include "fewstep/nn/load_blocks.hpp"

#include "fewstep/io/safetensors.hpp"
#include "fewstep/io/safetensors_writer.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/golden_network.hpp"

#include <string>
#include <utility>
#include <vector>

using namespace fewstep;

TEST_CASE("attention under the names that it once had is the same attention", "[nn]")
{
  const test::golden_network golden("a10_small_signal_eps");
  const auto file = safetensors_file::open(golden.folder / "model.safetensors");
  std::vector<tensor_view> renamed(file.tensors().begin(), file.tensors().end());
  for (tensor_view& tensor : renamed)
    for (const auto& [today, once] :
         {std::pair{"to_q", "query"}, {"to_k", "key"}, {"to_v", "value"}, {"to_out.0", "proj_attn"}})
      if (const auto place = tensor.name.find(today); place != tensor.name.npos)
        tensor.name.replace(place, std::string(today).size(), once);
  const auto path = test::empty_folder("nn_load_blocks") / "old.safetensors";
  write_safetensors(path, renamed);

  const std::string name = "mid_block.attentions.0";
  nn::weights today(safetensors_file::open(golden.folder / "model.safetensors")), once(safetensors_file::open(path));
  REQUIRE(!once.has(name + ".to_q.weight"));
  const auto now = nn::detail::load_attention(today, name, {16, 2}, {4, 1e-5});
  const auto then = nn::detail::load_attention(once, name, {16, 2}, {4, 1e-5});
  REQUIRE(now.queries_keys_values.weights.values == then.queries_keys_values.weights.values);
  REQUIRE(now.queries_keys_values.bias == then.queries_keys_values.bias);
  REQUIRE(now.out.weights.values == then.out.weights.values);
}

TEST_CASE("a residual block that is told no time needs no weights for it", "[nn]")
{
  const test::golden_network golden("a10_small_signal_eps");
  nn::weights from(safetensors_file::open(golden.folder / "model.safetensors"));
  const std::string name = "mid_block.resnets.0";
  const auto told = nn::detail::load_residual(from, name, {.in = 16, .out = 16, .embedding = 32}, {4, 1e-5});
  REQUIRE(told.time.has_value());
  nn::weights again(safetensors_file::open(golden.folder / "model.safetensors"));
  const auto untold = nn::detail::load_residual(again, name, {.in = 16, .out = 16, .embedding = 0}, {4, 1e-5});
  REQUIRE(!untold.time.has_value());
  nn::workspace work;
  const nn::feature x = work.make(1, 16, 4, 4);
  REQUIRE(nn::run(untold, {&x}, {}, work).channels() == 16);
}

TEST_CASE("linear layers may be saved as convolutions of one pixel", "[nn]")
{
  const test::golden_network golden("a10_small_signal_eps");
  const auto file = safetensors_file::open(golden.folder / "model.safetensors");
  const std::string name = "mid_block.attentions.0";
  std::vector<tensor_view> reshaped(file.tensors().begin(), file.tensors().end());
  for (tensor_view& tensor : reshaped)
    if (tensor.name.starts_with(name) && tensor.shape.size() == 2) tensor.shape.insert(tensor.shape.end(), {1, 1});
  const auto path = test::empty_folder("nn_load_one_pixel") / "old.safetensors";
  write_safetensors(path, reshaped);

  nn::weights linear(safetensors_file::open(golden.folder / "model.safetensors"));
  nn::weights convolutional(safetensors_file::open(path));
  const auto now = nn::detail::load_attention(linear, name, {16, 2}, {4, 1e-5});
  const auto then = nn::detail::load_attention(convolutional, name, {16, 2}, {4, 1e-5});
  REQUIRE(now.queries_keys_values.weights.values == then.queries_keys_values.weights.values);
  REQUIRE(now.out.weights.values == then.out.weights.values);
}

TEST_CASE("attention whose norm has no groups has no norm", "[nn]")
{
  const test::golden_network golden("a10_small_signal_eps");
  nn::weights from(safetensors_file::open(golden.folder / "model.safetensors"));
  REQUIRE(!nn::detail::load_attention(from, "mid_block.attentions.0", {16, 2}, {0, 1e-5}).norm);
}
