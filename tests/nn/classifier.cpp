#include "fewstep/nn/classifier.hpp"

#include "fewstep/io/safetensors.hpp"
#include "fewstep/io/tensor_numbers.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/golden_network.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

using namespace fewstep;
using Catch::Matchers::WithinAbs;

namespace {

const std::filesystem::path digits_classifier = test::in_repository("models/fontdigits-classifier");

double largest_difference(const Eigen::MatrixXd& a, const safetensors_file& file, std::string_view name)
{
  const std::array shape{static_cast<std::size_t>(a.rows()), static_cast<std::size_t>(a.cols())};
  const std::vector<double> b = to_double(file.at(name, shape));
  double worst = 0;
  for (Eigen::Index row = 0; row < a.rows(); ++row)
    for (Eigen::Index column = 0; column < a.cols(); ++column)
      worst = std::max(worst, std::abs(a(row, column) - b[static_cast<std::size_t>(row * a.cols() + column)]));
  return worst;
}

}  // namespace

TEST_CASE("the classifier that LibTorch trained gives LibTorch's features and logits", "[nn]")
{
  const nn::classifier net = nn::load_classifier(digits_classifier);
  REQUIRE(net.features() == 64);
  REQUIRE(net.classes() == 10);
  const auto reference = safetensors_file::open(digits_classifier / "reference.safetensors");
  nn::workspace work(2);
  const auto seen = nn::classify(net, test::images_at(reference, "images"), work);
  // single precision: five layers of sums of up to 576 products
  REQUIRE_THAT(largest_difference(seen.features, reference, "features"), WithinAbs(0, 1e-5));
  REQUIRE_THAT(largest_difference(seen.logits, reference, "logits"), WithinAbs(0, 1e-4));
  // the images are of the digits 0, 1, 2, 3
  REQUIRE(nn::accuracy(seen, std::array{0, 1, 2, 3}) == 1);
  REQUIRE(nn::accuracy(seen, std::array{0, 1, 2, 4}) == 0.75);
}

TEST_CASE("what a classifier sees in an image depends on no other image and no thread", "[nn]")
{
  const nn::classifier net = nn::load_classifier(digits_classifier);
  const auto four = test::images_at(safetensors_file::open(digits_classifier / "reference.safetensors"), "images");
  nn::workspace one(1), three(3);
  const auto alone = nn::classify(net, four, one);
  nn::images many{0, 1, 32, 32};
  for (; many.count < 132; many.count += 4)
    many.values.insert(many.values.end(), four.values.begin(), four.values.end());
  const auto among = nn::classify(net, many, three);
  REQUIRE(among.features.rows() == 132);
  for (const Eigen::Index first : {0, 60, 128}) {
    REQUIRE(among.features.middleRows(first, 4) == alone.features);
    REQUIRE(among.logits.middleRows(first, 4) == alone.logits);
  }
  REQUIRE(nn::classify(net, nn::images{0, 1, 32, 32}, one).features.rows() == 0);
}

TEST_CASE("images and labels that do not fit a classifier are refused", "[nn]")
{
  const nn::classifier net = nn::load_classifier(digits_classifier);
  nn::workspace work;
  const auto refusal = [&](auto f) { return test::refusal<std::invalid_argument>(f); };
  REQUIRE(refusal([&] {
            nn::classify(net, nn::images{2, 3, 32, 32}, work);
          }) == "the classifier takes images of shape (2, 1, 32, 32), but was given 6144 numbers as (2, 3, 32, 32)");
  REQUIRE(refusal([&] {
            nn::classify(net, nn::images{2, 1, 32, 32, {1, 2}}, work);
          }) == "the classifier takes images of shape (2, 1, 32, 32), but was given 2 numbers as (2, 1, 32, 32)");
  REQUIRE(refusal([&] {
            nn::accuracy(nn::classify(net, nn::images{2, 1, 32, 32}, work), std::array{1});
          }) == "the accuracy of 2 images needs as many labels and at least one, but there are 1");
}

TEST_CASE("a folder that holds no classifier is refused with what is wrong", "[nn]")
{
  const auto copy = test::empty_folder("nn_classifier");
  const auto refusal = [&](const std::string& config) {
    test::put(copy / "config.json", config);
    const std::string sentence = test::refusal<std::runtime_error>([&] { nn::load_classifier(copy); });
    return sentence.starts_with(copy.string()) ? sentence.substr(copy.string().size() + 1) : sentence;
  };
  const std::string config = test::content_of(digits_classifier / "config.json");
  const auto with = [&](const std::string& what, const std::string& by) {
    std::string text = config;
    return text.replace(text.find(what), what.size(), by);
  };
  REQUIRE(refusal(config) == "weights.safetensors: there is no such file");
  test::put(copy / "weights.safetensors", test::content_of(digits_classifier / "weights.safetensors"));
  REQUIRE(refusal(config) == "(nothing was thrown)");
  REQUIRE(refusal(with("\"classes\":10", "\"classes\":11")) ==
          "weights.safetensors: tensor \"head.weight\" must have shape [11, 64], but has [10, 64]");
  REQUIRE(refusal(with("\"height\":32", "\"height\":0")) == "config.json: \"height\" must be positive, but is 0");
}
