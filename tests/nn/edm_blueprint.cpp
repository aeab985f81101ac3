#include "fewstep/nn/edm_blueprint.hpp"

#include "support/catch.hpp"
#include "support/files.hpp"

#include <stdexcept>

using namespace fewstep;

TEST_CASE("the defaults of EDM's networks fit together, and what is made by hand is checked, too", "[nn]")
{
  REQUIRE_NOTHROW(nn::check(nn::edm_defaults(nn::edm_family::song)));
  REQUIRE_NOTHROW(nn::check(nn::edm_defaults(nn::edm_family::dhariwal)));
  REQUIRE(test::refusal<std::invalid_argument>([] { nn::check({.width = 2}); }) ==
          "model_channels must be a multiple of 4, but is 2");
}

TEST_CASE("attention stands at resolutions, and resolutions are halved from level to level", "[nn]")
{
  const nn::edm_blueprint adm;
  REQUIRE((!adm.has_attention(0) && adm.has_attention(1) && adm.has_attention(2) && adm.has_attention(3)));
  REQUIRE((adm.channels(3) == 768 && adm.embedding_width() == 768 && adm.time_width() == 192));
}
