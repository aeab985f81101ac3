#include "fewstep/nn/edm_config.hpp"

#include "support/catch.hpp"
#include "support/files.hpp"

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

using namespace fewstep;

namespace {

nn::read_design<nn::edm_blueprint> read_edm(const std::string& more)
{
  const std::string text = R"({"_class_name": "EDMPrecond", "img_resolution": 32, "img_channels": 3)" + more + "}";
  return nn::read_edm_blueprint(json::parse(text), "config.json");
}

/// More keys of a bad configuration and the sentence that it gets, after the name of the file.
struct edm_mistake {
  std::string more, sentence;
};

}  // namespace

TEST_CASE("keys that EDM's code leaves to a network have that network's defaults", "[nn]")
{
  const nn::edm_blueprint adm = read_edm("").design;
  nn::edm_blueprint expected;
  expected.resolution = 32;
  REQUIRE(adm == expected);
  REQUIRE((adm.width == 192 && adm.layers_per_block == 3 && adm.head_width == 64 && adm.sigma_data == 0.5));
  REQUIRE(adm.multiples == std::vector<std::size_t>{1, 2, 3, 4});
  REQUIRE(adm.attention_at == std::vector<std::size_t>{32, 16, 8});

  const nn::edm_blueprint song = read_edm(R"(, "model_type": "SongUNet")").design;
  REQUIRE((song.is_song() && song.width == 128 && song.layers_per_block == 4 && !song.residual_encoder));
  REQUIRE((!song.fourier_time && song.time_multiple == 1 && song.embedding_multiple == 4));
  REQUIRE(song.multiples == std::vector<std::size_t>{1, 2, 2, 2});
  REQUIRE(song.attention_at == std::vector<std::size_t>{16});
  REQUIRE(song.filter == std::vector<double>{0.5, 0.5});
}

TEST_CASE("every keyword argument of EDMPrecond is read", "[nn]")
{
  const auto [song, unused] = read_edm(R"(, "model_type": "SongUNet", "label_dim": 10, "sigma_data": 1, "sigma_min": 0,
    "sigma_max": 80, "use_fp16": true, "model_channels": 16, "channel_mult": [1, 2], "channel_mult_emb": 3,
    "num_blocks": 1, "attn_resolutions": [16, 8], "dropout": 0.13, "label_dropout": 0, "augment_dim": 9,
    "embedding_type": "fourier", "channel_mult_noise": 2, "encoder_type": "residual", "decoder_type": "standard",
    "resample_filter": [1, 3, 3, 1], "colour": 1)");
  const nn::edm_blueprint expected{.family = nn::edm_family::song,
                                   .resolution = 32,
                                   .image_channels = 3,
                                   .classes = 10,
                                   .sigma_data = 1,
                                   .width = 16,
                                   .multiples = {1, 2},
                                   .embedding_multiple = 3,
                                   .layers_per_block = 1,
                                   .attention_at = {16, 8},
                                   .augmentations = 9,
                                   .head_width = 0,
                                   .fourier_time = true,
                                   .time_multiple = 2,
                                   .residual_encoder = true,
                                   .filter = {0.125, 0.375, 0.375, 0.125}};
  REQUIRE(song == expected);
  REQUIRE(unused == std::vector<std::string>{"colour"});
  REQUIRE(read_edm(R"(, "channels_per_head": 16)").design.head_width == 16);
  // SongUNet has one head whatever the width
  REQUIRE(read_edm(R"(, "model_type": "SongUNet", "channels_per_head": 16)").unused ==
          std::vector<std::string>{"channels_per_head"});
}

TEST_CASE("arguments that the engine cannot follow are refused by name", "[nn]")
{
  const std::string song = R"(, "model_type": "SongUNet")";
  const std::vector<edm_mistake> mistakes{
      {R"(, "model_type": "UNet")", R"("model_type" must be one of "SongUNet", "DhariwalUNet", but is "UNet")"},
      {song + R"(, "encoder_type": "skip")", R"("encoder_type" must be one of "standard", "residual", but is "skip")"},
      {song + R"(, "decoder_type": "skip")", R"("decoder_type" must be "standard", but is "skip")"},
      {song + R"(, "embedding_type": "none")",
       R"("embedding_type" must be one of "positional", "fourier", but is "none")"},
      {song + R"(, "resample_filter": [1, 2, 1])",
       "resample_filter must have an even number of entries and a sum that is not 0, but has 3 entries"},
      {song + R"(, "resample_filter": [1, -1])",
       "resample_filter must have an even number of entries and a sum that is not 0, but has 2 entries"},
      {R"(, "channel_mult": [])", "channel_mult must have 1 to 30 entries, but has 0"},
      {R"(, "channel_mult": [1, 0])", "channel_mult must be positive, but is 0"},
      {R"(, "channel_mult": [1, 1, 1, 1, 1, 1, 1])", "img_resolution must be a multiple of 64 for 7 levels, but is 32"},
      {R"(, "model_channels": 0)", "model_channels must be positive, but is 0"},
      {R"(, "model_channels": 6)", "model_channels must be a multiple of 4, but is 6"},
      {R"(, "num_blocks": 0)", "num_blocks must be positive, but is 0"},
      {R"(, "sigma_data": 0)", "sigma_data must be positive, but is 0.000000"},
      {R"(, "channels_per_head": 36)",
       "channels_per_head must divide every number of channels it meets, but is 36 where there are 192 channels"},
  };
  for (const edm_mistake& m : mistakes)
    REQUIRE(test::refusal<std::runtime_error>([&] { read_edm(m.more); }) == "config.json: " + m.sentence);
  REQUIRE(test::refusal<std::runtime_error>([] {
            nn::read_edm_blueprint(json::parse(R"({"_class_name": "VPPrecond"})"), "config.json");
          }) == R"(config.json: "_class_name" must be "EDMPrecond", but is "VPPrecond")");
  REQUIRE(test::refusal<std::runtime_error>([] {
            nn::read_edm_blueprint(json::parse(R"({"_class_name": "EDMPrecond"})"), "config.json");
          }) == R"(config.json: "img_resolution" is missing)");
}
