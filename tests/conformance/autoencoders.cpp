#include "networks.hpp"

#include "engine.hpp"
#include "golden.hpp"

#include "fewstep/io/file.hpp"
#include "fewstep/io/safetensors.hpp"
#include "fewstep/io/tensor_numbers.hpp"
#include "fewstep/nn/autoencoder.hpp"
#include "fewstep/nn/load_autoencoder.hpp"
#include "fewstep/nn/load_tiny_autoencoder.hpp"
#include "fewstep/nn/tiny_autoencoder.hpp"
#include "fewstep/nn/workspace.hpp"

#include <stdexcept>
#include <string>

namespace conformance {

namespace {

namespace fs = std::filesystem;
namespace nn = fewstep::nn;

/// Means and logarithms of variances as one tensor, image by image.
numbers moments_of(const nn::latent_law& law)
{
  numbers out;
  const std::size_t part = law.mean.size() / law.mean.count;
  for (std::size_t image = 0; image < law.mean.count; ++image)
    for (const images* half : {&law.mean, &law.log_variance}) {
      const auto begin = half->values.begin() + static_cast<std::ptrdiff_t>(image * part);
      out.insert(out.end(), begin, begin + static_cast<std::ptrdiff_t>(part));
    }
  return out;
}

/// What the case records, with the tolerance that it names.
class recorded {
public:
  explicit recorded(const fs::path& folder) :
      expect_(json::parse(fewstep::read_text(folder / "expect.json"), nullptr, false)),
      io_(fewstep::safetensors_file::open(folder / "io.safetensors"))
  {
  }

  images input(const char* name) const { return images_of(io_.at(name)); }

  /// Compares with the tensor `name` and, if there is one, that of the run in double.
  void compare(const std::string& name, const numbers& found, comparison& all) const
  {
    const json& tolerance = member(member(member(expect_, "tolerances"), name), "suggested_atol");
    if (!tolerance.is_number()) throw mismatch("expect.json names no tolerance of \"" + name + "\"");
    for (const std::string& tensor : {name, name + "_double"})
      if (io_.find(tensor)) all.add(tensor, found, to_double(io_.at(tensor)), tolerance.get<double>());
  }

private:
  json expect_;
  fewstep::safetensors_file io_;
};

}  // namespace

outcome check_autoencoder(const fs::path& folder)
{
  const fewstep::model_files files{folder / "config.json", folder / "model.safetensors"};
  const std::string kind = json::parse(fewstep::read_text(files.config)).value("_class_name", "");
  const recorded golden(folder);
  nn::workspace work;
  comparison all;
  if (kind == "AutoencoderKL") {
    const nn::autoencoder net = nn::load_autoencoder(files).net;
    golden.compare("decoded", doubles(decode(net, golden.input("latent"), work).values), all);
    golden.compare("moments", moments_of(encode(net, golden.input("image"), work)), all);
  } else if (kind == "AutoencoderTiny") {
    const nn::tiny_autoencoder net = nn::load_tiny_autoencoder(files).net;
    golden.compare("decoded", doubles(decode(net, golden.input("latent"), work).values), all);
    golden.compare("encoded", doubles(encode(net, golden.input("image"), work).values), all);
  } else {
    throw unsupported("the autoencoder \"" + kind + "\" is not known");
  }
  return all.result();
}

}  // namespace conformance
