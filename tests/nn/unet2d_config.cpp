#include "fewstep/nn/unet2d_config.hpp"

#include "support/catch.hpp"
#include "support/files.hpp"

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

using namespace fewstep;

namespace {

nn::read_design<nn::blueprint> read_unet2d(std::string_view text)
{
  return nn::read_blueprint(json::parse(text), "config.json");
}

std::string unet2d_refusal(std::string_view text)
{
  return test::refusal<std::runtime_error>([&] { read_unet2d(text); });
}

/// A bad configuration and the sentence that it gets, after the name of the file.
struct unet2d_mistake {
  std::string_view text, sentence;
};

}  // namespace

TEST_CASE("keys that old files lack have the defaults of diffusers", "[nn]")
{
  const nn::blueprint b = read_unet2d("{}").design;
  REQUIRE(b == nn::blueprint{});
  REQUIRE((b.in_channels == 3 && b.out_channels == 3 && b.layers_per_block == 2 && b.norm_groups == 32));
  REQUIRE(b.channels == std::vector<std::size_t>{224, 448, 672, 896});
  REQUIRE(b.down == std::vector<nn::block_kind>{{}, {true}, {true}, {true}});
  REQUIRE(b.up == std::vector<nn::block_kind>{{true}, {true}, {true}, {}});
  REQUIRE((b.cosines_first && b.mid_attention && !b.center_input));
  REQUIRE((b.frequency_shift == 0 && b.norm_eps == 1e-5 && b.mid_scale == 1 && b.downsample_padding == 1));
  REQUIRE((b.head_width == 8 && !b.mid_attention_groups && !b.classes && b.act == nn::activation::silu));
  REQUIRE((!b.fourier_time && !b.scale_shift && b.class_is == nn::class_input::label));
}

TEST_CASE("every key is read", "[nn]")
{
  const nn::blueprint b =
      read_unet2d(R"({"_class_name": "UNet2DModel", "_diffusers_version": "0.27.2", "act_fn": "gelu",
    "add_attention": false, "attention_head_dim": null, "attn_norm_num_groups": 5, "block_out_channels": [20, 30],
    "center_input_sample": true, "class_embed_type": null, "down_block_types": ["AttnDownBlock2D", "DownBlock2D"],
    "downsample_padding": 0, "downsample_type": "conv", "dropout": 0.1, "flip_sin_to_cos": false, "freq_shift": 1,
    "in_channels": 4, "layers_per_block": 3, "mid_block_scale_factor": 1.5, "norm_eps": 1e-06, "norm_num_groups": 10,
    "num_class_embeds": 7, "num_train_timesteps": null, "out_channels": 6, "resnet_time_scale_shift": "default",
    "sample_size": [24, 40], "time_embedding_type": "positional", "up_block_types": ["UpBlock2D", "AttnUpBlock2D"],
    "upsample_type": "conv"})")
          .design;
  const nn::blueprint expected{.in_channels = 4,
                               .out_channels = 6,
                               .sample_size = {24, 40},
                               .center_input = true,
                               .cosines_first = false,
                               .frequency_shift = 1,
                               .down = {{true}, {}},
                               .up = {{}, {true}},
                               .channels = {20, 30},
                               .layers_per_block = 3,
                               .downsample_padding = 0,
                               .mid_scale = 1.5,
                               .mid_attention = false,
                               .act = nn::activation::gelu,
                               .head_width = {},
                               .norm_groups = 10,
                               .mid_attention_groups = 5,
                               .norm_eps = 1e-6,
                               .classes = 7};
  REQUIRE(b == expected);
  REQUIRE(read_unet2d(R"({"sample_size": 32})").design.sample_size == std::vector<std::size_t>{32, 32});
  REQUIRE(read_unet2d(R"({"sample_size": null})").design.sample_size.empty());
}

TEST_CASE("words that name other layers are read", "[nn]")
{
  const nn::blueprint b =
      read_unet2d(R"({"down_block_types": ["ResnetDownsampleBlock2D", "AttnDownBlock2D", "DownBlock2D"],
    "up_block_types": ["UpBlock2D", "AttnUpBlock2D", "ResnetUpsampleBlock2D"], "block_out_channels": [32, 64, 96],
    "downsample_type": "resnet", "upsample_type": "resnet", "resnet_time_scale_shift": "scale_shift",
    "time_embedding_type": "fourier", "class_embed_type": "timestep"})")
          .design;
  // the blocks without attention do not look at downsample_type and upsample_type
  REQUIRE(b.down == std::vector<nn::block_kind>{{false, true}, {true, true}, {}});
  REQUIRE(b.up == std::vector<nn::block_kind>{{}, {true, true}, {false, true}});
  REQUIRE((b.scale_shift && b.fourier_time && b.class_is == nn::class_input::number));
  REQUIRE(read_unet2d(R"({"class_embed_type": "identity"})").design.class_is == nn::class_input::vector);
  REQUIRE(read_unet2d(R"({"class_embed_type": null})").design.class_is == nn::class_input::label);
  REQUIRE(read_unet2d(R"({"downsample_type": "resnet"})").design.down[1] == nn::block_kind{true, true});
}

TEST_CASE("keys that say nothing to the engine are listed", "[nn]")
{
  REQUIRE(read_unet2d(R"({"dropout": 0.1, "colour": 1, "in_channels": 1, "taste": null})").unused ==
          std::vector<std::string>{"colour", "taste"});
}

TEST_CASE("values of another type, and layers that the engine has not, are refused by name", "[nn]")
{
  const std::vector<unet2d_mistake> mistakes{
      {"[]", "the document must be an object, but is an array of 0"},
      {R"({"in_channels": "3"})", R"("in_channels" must be a non-negative integer of 64 bits, but is "3")"},
      {R"({"in_channels": -3})", R"("in_channels" must be a non-negative integer of 64 bits, but is -3)"},
      {R"({"layers_per_block": null})", R"("layers_per_block" must be a non-negative integer of 64 bits, but is null)"},
      {R"({"center_input_sample": 1})", R"("center_input_sample" must be true or false, but is 1)"},
      {R"({"block_out_channels": 32})", R"("block_out_channels" must be an array, but is 32)"},
      {R"({"sample_size": [1, 2, 3]})", R"("sample_size" must be a number, or height and width, but is an array of 3)"},
      {R"({"_class_name": "UNet2DConditionModel"})",
       R"("_class_name" must be "UNet2DModel", but is "UNet2DConditionModel")"},
      {R"({"down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"]})",
       R"("down_block_types"[1] must be one of DownBlock2D, AttnDownBlock2D, ResnetDownsampleBlock2D, but is )"
       R"("CrossAttnDownBlock2D")"},
      {R"({"up_block_types": ["DownBlock2D"]})",
       R"("up_block_types"[0] must be one of UpBlock2D, AttnUpBlock2D, ResnetUpsampleBlock2D, but is "DownBlock2D")"},
      {R"({"act_fn": "mish"})", R"("act_fn" must be one of "silu", "swish", "gelu", but is "mish")"},
      {R"({"time_embedding_type": "learned"})",
       R"("time_embedding_type" must be one of "positional", "fourier", but is "learned")"},
      {R"({"resnet_time_scale_shift": "spatial"})",
       R"("resnet_time_scale_shift" must be one of "default", "scale_shift", but is "spatial")"},
      {R"({"downsample_type": "fir"})", R"("downsample_type" must be one of "conv", "resnet", but is "fir")"},
      {R"({"upsample_type": null})", R"("upsample_type" must be a string, but is null)"},
      {R"({"class_embed_type": "projection"})",
       R"("class_embed_type" must be one of "timestep", "identity", but is "projection")"},
  };
  for (const unet2d_mistake& m : mistakes) REQUIRE(unet2d_refusal(m.text) == "config.json: " + std::string(m.sentence));
}

TEST_CASE("values that do not fit together are refused with both numbers", "[nn]")
{
  const std::vector<unet2d_mistake> mistakes{
      {R"({"block_out_channels": [32, 64]})",
       "block_out_channels, down_block_types and up_block_types must have the same length, but there are 2 numbers of "
       "channels, 4 down blocks and 4 up blocks"},
      {R"({"up_block_types": ["UpBlock2D"]})",
       "block_out_channels, down_block_types and up_block_types must have the same length, but there are 4 numbers of "
       "channels, 4 down blocks and 1 up blocks"},
      {R"({"block_out_channels": [], "down_block_types": [], "up_block_types": []})",
       "block_out_channels, down_block_types and up_block_types must have the same length, but there are 0 numbers of "
       "channels, 0 down blocks and 0 up blocks"},
      {R"({"norm_num_groups": 5})",
       "norm_num_groups must divide every number of channels it meets, but is 5 where there are 224 channels"},
      {R"({"norm_num_groups": 0})",
       "norm_num_groups must divide every number of channels it meets, but is 0 where there are 224 channels"},
      {R"({"attn_norm_num_groups": 6})",
       "attn_norm_num_groups must divide every number of channels it meets, but is 6 where there are 896 channels"},
      {R"({"attention_head_dim": 13})",
       "attention_head_dim must divide every number of channels it meets, but is 13 where there are 448 channels"},
      {R"({"attention_head_dim": 0})",
       "attention_head_dim must divide every number of channels it meets, but is 0 where there are 448 channels"},
      {R"({"block_out_channels": [0, 448, 672, 896]})", "block_out_channels must be positive, but one is 0"},
      {R"({"block_out_channels": [7, 448, 672, 896], "norm_num_groups": 7})",
       "the first of block_out_channels is the width of the time embedding and must be even, but is 7"},
      {R"({"freq_shift": 112})",
       "freq_shift must be below half of the first of block_out_channels, 112, but is 112.000000"},
      {R"({"downsample_padding": 2})", "downsample_padding must be 0 or 1, but is 2"},
      {R"({"mid_block_scale_factor": 0})", "mid_block_scale_factor must be positive, but is 0.000000"},
      {R"({"norm_eps": -1})", "norm_eps must be positive, but is -1.000000"},
      {R"({"in_channels": 0})", "in_channels must be positive, but is 0"},
      {R"({"out_channels": 0})", "out_channels must be positive, but is 0"},
      {R"({"layers_per_block": 0})", "layers_per_block must be positive, but is 0"},
      {R"({"num_class_embeds": 0})", "num_class_embeds must be positive, but is 0"},
  };
  for (const unet2d_mistake& m : mistakes) REQUIRE(unet2d_refusal(m.text) == "config.json: " + std::string(m.sentence));
}
