/// @file
/// A U-Net as values: a list of connections, each a few blocks on the way down and a few on the way up.
#pragma once

#include "fewstep/denoiser/scalings.hpp"
#include "fewstep/nn/blocks.hpp"
#include "fewstep/nn/convolution.hpp"
#include "fewstep/nn/embedding.hpp"
#include "fewstep/nn/feature.hpp"
#include "fewstep/nn/input.hpp"
#include "fewstep/nn/workspace.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace fewstep::nn {

/// Where a second path down ends (NCSN++'s residual encoder, Song et al. 2021, arXiv:2011.13456):
///
///     h <- (h + conv(what went beside)) * gain
struct path_end {
  convolution conv{};
  float gain = 1;
};

/// One skip connection. `down` makes the skip from what lies above; the first block of `up` reads the decoder's feature
/// and the skip side by side. An upsampler is the last block of the deeper connection's `up`.
struct connection {
  std::vector<block> down{}, up{};
  bool forks = false;                ///< what it reads also goes beside what it returns, down to where the path ends
  std::optional<path_end> merges{};  ///< the path ends here
};

/// A network that is ready to run. It never changes: any number of threads may read it, each with its own workspace.
struct network {
  std::size_t in_channels = 0, out_channels = 0;
  std::vector<std::size_t> sample_size{};  ///< height and width it was trained on, empty if unknown
  std::size_t size_multiple = 1;           ///< height and width must be multiples of it
  bool center_input = false;               ///< 2 x - 1 before the first convolution
  embedder conditions{};
  std::vector<convolution> keys_values{};  ///< of a text, one linear layer for each attention to it
  std::vector<connection> connections{};   ///< from the outside, 0 is the first convolution
  std::vector<block> middle{};
  output_block last{};
  bool divides_by_time = false;                  ///< its output is divided by each image's time, as a score is
  std::optional<edm_scaling> preconditioning{};  ///< to be wrapped in `preconditioned`, if it was trained so

  /// Of the text that it reads, 0 if it reads none.
  std::size_t text_width() const { return keys_values.empty() ? 0 : keys_values.front().in; }
};

/// Runs blocks one after another; the first one reads x, which may have two parts.
inline feature run(std::span<const block> blocks, const joined& x, const embedding& e, workspace& work)
{
  feature h = run(blocks.front(), x, e, work);
  for (const block& next : blocks.subspan(1)) h = run(next, {&h}, e, work);
  return h;
}

/// The way down of a connection, along both paths.
inline feature run_down(const connection& c, const feature& h, const embedding& e, workspace& work)
{
  feature out = run(c.down, {&h}, e, work);
  if (c.merges) {
    const feature beside = h.beside();
    convolve(c.merges->conv, plain(beside), {nullptr, &out, c.merges->gain}, work, out);
  } else if (c.forks) {
    out.carry(h);
  } else {
    out.carry_on(h);
  }
  return out;
}

}  // namespace fewstep::nn
