#include "fewstep/nn/condition_config.hpp"

#include "support/catch.hpp"
#include "support/files.hpp"

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

using namespace fewstep;

namespace {

using list = std::vector<std::size_t>;

nn::read_design<nn::condition_blueprint> read(std::string_view text)
{
  return nn::read_condition_blueprint(json::parse(text), "config.json");
}

std::string refusal(std::string_view text)
{
  return test::refusal<std::runtime_error>([&] { read(text); });
}

/// A bad configuration and the sentence that it gets, after the name of the file.
struct mistake {
  std::string_view text, sentence;
};

}  // namespace

TEST_CASE("keys that old files of conditional networks lack have the defaults of diffusers", "[nn]")
{
  const nn::condition_blueprint b = read("{}").design;
  REQUIRE(b == nn::condition_blueprint{});
  REQUIRE((b.in_channels == 4 && b.out_channels == 4 && b.norm_groups == 32 && b.text_width == 1280));
  REQUIRE(b.channels == list{320, 640, 1280, 1280});
  REQUIRE(b.down == std::vector<nn::block_kind>{{true}, {true}, {true}, {}});
  REQUIRE(b.up == std::vector<nn::block_kind>{{}, {true}, {true}, {true}});
  REQUIRE((b.layers == list(4, 2) && b.heads == list(4, 8)));
  REQUIRE((b.down_transformers == list(4, 1) && b.up_transformers == list(4, 1)));
  REQUIRE((b.middle && !b.linear_projection && !b.classes && !b.guidance_width && !b.added));
}

TEST_CASE("the configuration of SDXL is read to the last key", "[nn]")
{
  const auto [b, unused] = read(R"({"_class_name": "UNet2DConditionModel", "_diffusers_version": "0.19.0.dev0",
    "act_fn": "silu", "addition_embed_type": "text_time", "addition_embed_type_num_heads": 64,
    "addition_time_embed_dim": 256, "attention_head_dim": [5, 10, 20], "block_out_channels": [320, 640, 1280],
    "center_input_sample": false, "class_embed_type": null, "class_embeddings_concat": false, "conv_in_kernel": 3,
    "conv_out_kernel": 3, "cross_attention_dim": 2048, "cross_attention_norm": null,
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"], "downsample_padding": 1,
    "dual_cross_attention": false, "encoder_hid_dim": null, "encoder_hid_dim_type": null, "flip_sin_to_cos": true,
    "freq_shift": 0, "in_channels": 4, "layers_per_block": 2, "mid_block_only_cross_attention": null,
    "mid_block_scale_factor": 1, "mid_block_type": "UNetMidBlock2DCrossAttn", "norm_eps": 1e-05,
    "norm_num_groups": 32, "num_attention_heads": null, "num_class_embeds": null, "only_cross_attention": false,
    "out_channels": 4, "projection_class_embeddings_input_dim": 2816, "resnet_out_scale_factor": 1.0,
    "resnet_skip_time_act": false, "resnet_time_scale_shift": "default", "sample_size": 128,
    "time_cond_proj_dim": null, "time_embedding_act_fn": null, "time_embedding_dim": null,
    "time_embedding_type": "positional", "timestep_post_act": null, "transformer_layers_per_block": [1, 2, 10],
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"], "upcast_attention": null,
    "use_linear_projection": true})");
  nn::condition_blueprint expected;
  expected.sample_size = {128, 128};
  expected.down = {{}, {true}, {true}}, expected.up = {{true}, {true}, {}};
  expected.channels = {320, 640, 1280};
  expected.layers = {2, 2, 2}, expected.heads = {5, 10, 20};
  expected.down_transformers = {1, 2, 10}, expected.up_transformers = {1, 2, 10};
  expected.linear_projection = true;
  expected.text_width = 2048;
  expected.added = {2816, 256};
  REQUIRE(b == expected);
  REQUIRE(unused.empty());
}

TEST_CASE("numbers hold for all levels, lists for each, and the way up may have a list of its own", "[nn]")
{
  const auto read_levels = [](const std::string& more) {
    return read(R"({"block_out_channels": [32, 64], "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
                    "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"], )" +
                more + "}")
        .design;
  };
  const auto b = read_levels(R"("layers_per_block": [1, 3], "attention_head_dim": 4, "mid_block_type": null,
      "transformer_layers_per_block": [1, 2], "reverse_transformer_layers_per_block": [5, 4],
      "cross_attention_dim": [16, 16], "time_cond_proj_dim": 256, "num_class_embeds": 1000, "act_fn": "gelu")");
  REQUIRE((b.layers == list{1, 3} && b.heads == list{4, 4}));
  REQUIRE((b.down_transformers == list{1, 2} && b.up_transformers == list{4, 5}));
  REQUIRE((!b.middle && b.text_width == 16 && b.guidance_width == 256 && b.classes == 1000));
  REQUIRE(b.act == nn::activation::gelu);
}

TEST_CASE("layers that a conditional network of this engine has not are refused by name", "[nn]")
{
  const std::vector<mistake> mistakes{
      {R"({"_class_name": "UNet3DConditionModel"})",
       R"("_class_name" must be "UNet2DConditionModel", but is "UNet3DConditionModel")"},
      {R"({"down_block_types": ["SimpleCrossAttnDownBlock2D"]})",
       R"("down_block_types"[0] must be one of DownBlock2D, CrossAttnDownBlock2D, but is "SimpleCrossAttnDownBlock2D")"},
      {R"({"mid_block_type": "UNetMidBlock2DSimpleCrossAttn"})",
       R"("mid_block_type" must be null or "UNetMidBlock2DCrossAttn", but is "UNetMidBlock2DSimpleCrossAttn")"},
      {R"({"only_cross_attention": true})", R"("only_cross_attention" must be false, but is true)"},
      {R"({"dual_cross_attention": true})", R"("dual_cross_attention" must be false, but is true)"},
      {R"({"addition_embed_type": "text_image"})",
       R"("addition_embed_type" must be null or "text_time", but is "text_image")"},
      {R"({"addition_embed_type": "text_time"})", R"("projection_class_embeddings_input_dim" is missing)"},
      {R"({"encoder_hid_dim": 1024})", R"("encoder_hid_dim" must be null, but is 1024)"},
      {R"({"class_embed_type": "projection"})", R"("class_embed_type" must be null, but is "projection")"},
      {R"({"num_attention_heads": 8})", R"("num_attention_heads" must be null, but is 8)"},
      {R"({"conv_in_kernel": 1})", R"("conv_in_kernel" must be 3, but is 1)"},
      {R"({"resnet_out_scale_factor": 1.4})", R"("resnet_out_scale_factor" must be 1, but is 1.4)"},
      {R"({"attention_type": "gated"})", R"("attention_type" must be "default", but is "gated")"},
      {R"({"resnet_time_scale_shift": "scale_shift"})",
       R"("resnet_time_scale_shift" must be "default", but is "scale_shift")"},
      {R"({"cross_attention_dim": [16, 32]})",
       R"("cross_attention_dim" must be the same at all levels, but is an array of 2)"},
      {R"({"act_fn": "mish"})", R"("act_fn" must be one of "silu", "swish", "gelu", but is "mish")"},
  };
  for (const mistake& m : mistakes) REQUIRE(refusal(m.text) == "config.json: " + std::string(m.sentence));
}

TEST_CASE("values of a conditional network that do not fit together are refused with both numbers", "[nn]")
{
  const std::vector<mistake> mistakes{
      {R"({"block_out_channels": [32, 64]})",
       "block_out_channels, down_block_types and up_block_types must have the same length, but there are 2 numbers of "
       "channels, 4 down blocks and 4 up blocks"},
      {R"({"attention_head_dim": [8, 8]})",
       "attention_head_dim must be a number or have one for each of 4 levels, but has 2"},
      {R"({"transformer_layers_per_block": 0})", "transformer_layers_per_block must be positive, but is 0"},
      {R"({"attention_head_dim": 7})",
       "attention_head_dim, the number of heads, must divide every number of channels it meets, but is 7 where there "
       "are 320 channels"},
      {R"({"norm_num_groups": 7})",
       "norm_num_groups must divide every number of channels it meets, but is 7 where there are 320 channels"},
      {R"({"cross_attention_dim": 0})", "cross_attention_dim must be positive, but is 0"},
      {R"({"time_cond_proj_dim": 3})", "time_cond_proj_dim must be even and at least 4, but is 3"},
      {R"({"addition_embed_type": "text_time", "addition_time_embed_dim": 0,
           "projection_class_embeddings_input_dim": 8})",
       "addition_time_embed_dim must be even and positive, but is 0"},
      {R"({"addition_embed_type": "text_time", "addition_time_embed_dim": 8,
           "projection_class_embeddings_input_dim": 8})",
       "projection_class_embeddings_input_dim must be above addition_time_embed_dim, 8, but is 8"},
  };
  for (const mistake& m : mistakes) REQUIRE(refusal(m.text) == "config.json: " + std::string(m.sentence));
}
