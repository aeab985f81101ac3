#include "fewstep/nn/unet2d.hpp"

#include "fewstep/io/json.hpp"
#include "fewstep/io/safetensors.hpp"
#include "fewstep/io/safetensors_writer.hpp"
#include "fewstep/io/tensor_numbers.hpp"
#include "fewstep/nn/lane.hpp"
#include "fewstep/nn/unet2d_config.hpp"
#include "support/catch.hpp"
#include "support/features.hpp"
#include "support/golden_network.hpp"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

using namespace fewstep;
using Catch::Matchers::WithinAbs;

TEST_CASE("golden networks give the outputs of diffusers", "[nn]")
{
  // each case's suggested_atol: ten times what rounding of the original does to it
  for (const auto& [name, tolerance] : {std::pair{"a3_class_cond_mnist", 4e-5},
                                        {"a6_nonsquare_batch3", 4e-5},
                                        {"a9_class_embed_timestep", 4e-5},
                                        {"a10_small_signal_eps", 3e-5}}) {
    CAPTURE(name);
    const test::golden_network golden(name);
    nn::workspace work;
    const nn::lane lane(golden.net, work, golden.condition);
    const nn::images out = evaluate(lane, golden.x, golden.at);
    REQUIRE_THAT(test::largest_difference(out, golden.output), WithinAbs(0, tolerance));
    REQUIRE_THAT(test::largest_difference(out, test::images_at(golden.io, "output_double")), WithinAbs(0, tolerance));
  }
}

TEST_CASE("the embedding of time and class is that of diffusers", "[nn]")
{
  const test::golden_network golden("a3_class_cond_mnist");
  nn::workspace work;
  const nn::embedding found = nn::lane(golden.net, work, golden.condition).embed(golden.x, golden.at);
  const auto expected = to_double(golden.io.at("emb"));
  REQUIRE(found.time.size() == expected.size());
  // angles in single precision, near 1000 radians, are off by 3e-5; the layers shrink that
  for (std::size_t k = 0; k < expected.size(); ++k)
    REQUIRE_THAT(double(found.time.data()[k]), WithinAbs(expected[k], 2e-5));
}

TEST_CASE("connections are numbered as the encoder pushes them", "[nn]")
{
  const test::golden_network golden("a3_class_cond_mnist");
  const auto& connections = golden.net.connections;
  // conv_in, then two levels of a residual block and a downsampler, then a residual block; attention from level 1 on
  const std::vector<std::size_t> down{1, 1, 1, 2, 1, 2};
  // the last layer of an inner level, which meets a downsampler's skip, is followed by its upsampler
  const std::vector<std::size_t> up{1, 1, 3, 2, 3, 2};
  REQUIRE(connections.size() == 6);
  for (std::size_t i = 0; i < 6; ++i) {
    REQUIRE(connections[i].down.size() == down[i]);
    REQUIRE(connections[i].up.size() == up[i]);
  }
  REQUIRE(golden.net.middle.size() == 3);
  REQUIRE(golden.net.size_multiple == 4);
  REQUIRE(golden.net.sample_size == std::vector<std::size_t>{32, 32});
}

namespace {

/// The golden network of two levels with another design and with tensors that were exchanged.
class changed_network {
public:
  changed_network() : file_(safetensors_file::open(golden.folder / "model.safetensors"))
  {
    design = nn::read_blueprint(json::read_file(golden.folder / "config.json"), "config.json").design;
    tensors_.assign(file_.tensors().begin(), file_.tensors().end());
  }

  void remove(std::string_view beginning)
  {
    std::erase_if(tensors_, [&](const tensor_view& t) { return t.name.starts_with(beginning); });
  }

  void put(const std::string& name, std::vector<std::size_t> shape, std::vector<float> values)
  {
    remove(name);
    kept_.push_back(std::move(values));
    tensors_.push_back(view_of(name, kept_.back(), std::move(shape)));
  }

  nn::network network() const
  {
    const std::string bytes = safetensors_text(tensors_);
    nn::weights from(read_safetensors(std::as_bytes(std::span(bytes)), "changed"));
    nn::network net = nn::build_unet2d(design, from);
    from.require_empty();
    return net;
  }

  test::golden_network golden{"a10_small_signal_eps"};
  nn::blueprint design;

private:
  safetensors_file file_;
  std::vector<tensor_view> tensors_;
  std::deque<std::vector<float>> kept_;
};

/// A ResnetBlock2D, whose last convolution is zero.
void put_silent_block(changed_network& made, const std::string& name, std::size_t channels)
{
  test::numbers next(81);
  for (const char* norm : {".norm1", ".norm2"})
    for (const char* part : {".weight", ".bias"}) made.put(name + norm + part, {channels}, next(channels));
  for (const auto& [conv, scale] : {std::pair{".conv1", 1.0f}, {".conv2", 0.0f}}) {
    made.put(name + conv + ".weight", {channels, channels, 3, 3}, next(channels * channels * 9, scale));
    made.put(name + conv + ".bias", {channels}, next(channels, scale));
  }
  made.put(name + ".time_emb_proj.weight", {channels, 32}, next(channels * 32));
  made.put(name + ".time_emb_proj.bias", {channels}, next(channels));
}

}  // namespace

TEST_CASE("samplers that are residual blocks halve and double what goes through them", "[nn]")
{
  changed_network made;
  made.design.down[0].residual_sampling = made.design.up[0].residual_sampling = true;
  made.remove("down_blocks.0.downsamplers.0");
  made.remove("up_blocks.0.upsamplers.0");
  put_silent_block(made, "down_blocks.0.downsamplers.0", 8);
  put_silent_block(made, "up_blocks.0.upsamplers.0", 16);
  const nn::network net = made.network();
  nn::workspace work;
  const nn::lane lane(net, work);
  const nn::embedding e = lane.embed(made.golden.x, made.golden.at);
  test::numbers next(82);

  const nn::feature x = test::random_feature(work, next, 1, 8, 4, 4);
  const nn::feature small = lane.down(2, x, e);
  REQUIRE((small.height() == 2 && small.width() == 2));
  for (std::size_t c = 0; c < 8; ++c) {
    double sum = 0;
    for (std::size_t k = 0; k < 4; ++k) sum += double(x.pixel(0, k / 2, 2 + k % 2)[c]);
    REQUIRE_THAT(double(small.pixel(0, 0, 1)[c]), WithinAbs(sum / 4, 1e-6));
  }

  const auto& up = net.connections[2].up;
  const nn::feature deep = test::random_feature(work, next, 1, 16, 2, 2);
  const nn::feature large = nn::run(up.back(), {&deep}, e, work);
  REQUIRE((large.height() == 4 && large.width() == 4));
  for (std::size_t k = 0; k < 16; ++k)
    for (std::size_t c = 0; c < 16; ++c) REQUIRE(large.pixel(0, k / 4, k % 4)[c] == deep.pixel(0, k / 8, k % 4 / 2)[c]);
}

TEST_CASE("the frequencies of Fourier waves are read under either of their names, and the output is a score", "[nn]")
{
  for (const std::vector<std::string>& names :
       {std::vector<std::string>{"time_proj.weight"}, {"time_proj.W"}, {"time_proj.W", "time_proj.weight"}}) {
    changed_network made;
    test::numbers next(83);
    made.design.fourier_time = true;
    made.put("time_embedding.linear_1.weight", {32, 16}, next(32 * 16));
    const std::vector<float> frequencies = next(8, 16);
    for (const std::string& name : names) made.put(name, {8}, frequencies);
    const nn::network net = made.network();
    const auto& waves = std::get<nn::fourier_waves>(net.conditions.time);
    REQUIRE(waves.frequencies == frequencies);
    REQUIRE((waves.of_logarithm && net.divides_by_time));
  }
}

TEST_CASE("a class that is a vector is added to the embedding as it is", "[nn]")
{
  changed_network made;
  made.design.class_is = nn::class_input::vector;
  const nn::network net = made.network();
  nn::workspace work;
  const nn::lane lane(net, work, {.class_values = std::vector<double>(32, 0.5)});
  const nn::embedding plain = nn::lane(made.golden.net, work).embed(made.golden.x, made.golden.at);
  const nn::embedding found = lane.embed(made.golden.x, made.golden.at);
  for (std::size_t k = 0; k < 32; ++k) REQUIRE(found.time.data()[k] == plain.time.data()[k] + 0.5f);
}
