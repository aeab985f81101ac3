/// @file
/// Skip-Tuning (Ma et al. 2024, arXiv:2402.15170) written into the weights, where it is free: GroupNorm takes the
/// factor of a skip out again, so it acts through the 1x1 shortcut alone.
#pragma once

#include "fewstep/nn/blocks.hpp"
#include "fewstep/nn/convolution.hpp"
#include "fewstep/nn/network.hpp"
#include "fewstep/nn/normalisation.hpp"
#include "fewstep/nn/packet.hpp"
#include "fewstep/unet/rho.hpp"

#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace fewstep::nn {

/// A network with some factors in its weights, and those that are left for `skip_tuning`: 1 where they were folded.
struct folded_network {
  network net;
  std::vector<double> rho{};
  std::vector<std::size_t> folded{};  ///< the connections whose factors are in the weights
};

namespace detail {

inline std::size_t out_channels(const block& last)
{
  struct {
    std::size_t operator()(const residual_block& b) const { return b.conv_2.out; }
    std::size_t operator()(const attention_block& b) const { return b.out.out; }
    std::size_t operator()(const transformer_block& b) const { return b.out.out; }
    std::size_t operator()(const sampling_block& b) const { return b.conv.out; }
    std::size_t operator()(const output_block& b) const { return b.conv.out; }
    std::size_t operator()(const plain_block& b) const { return b.conv_3.out; }
  } const of;
  return std::visit(of, last);
}

/// Whether no group of a GroupNorm holds channels of both parts, the first of which has `border` channels.
inline bool is_aligned(std::size_t border, std::size_t channels, std::size_t groups)
{
  return border % (channels / groups) == 0;
}

/// Multiplies the weights of the inputs from channel `first` on.
inline void scale_inputs(convolution& c, std::size_t first, double factor)
{
  for (const panel& p : c.weights.panels) {
    const std::size_t stride = p.packets * lanes;
    float* const rows = c.weights.values.data() + p.first * c.weights.depth;
    for (std::size_t k = first * stride; k < c.weights.depth * stride; ++k)
      rows[k] = static_cast<float>(static_cast<double>(rows[k]) * factor);
  }
}

/// norm(rho x) = (rho x - rho mean) / sqrt(rho^2 variance + eps) is the norm of x with eps / rho^2; at rho = 0, with an
/// infinite one, which leaves beta.
inline void scale_groups(group_norm& norm, std::size_t border, double rho)
{
  const std::size_t width = norm.gamma.size() / norm.groups;
  if (norm.group_eps.empty()) norm.group_eps.assign(norm.groups, norm.eps);
  for (std::size_t group = border / width; group < norm.groups; ++group) norm.group_eps[group] /= rho * rho;
}

/// Channels of the decoder's feature in what a block joins.
inline std::size_t border_of(const connection& c, const residual_block& joining)
{
  return joining.conv_1.in - out_channels(c.down.back());
}

/// The block that joins at a connection, if a factor can be folded into it.
inline residual_block* foldable(connection& c)
{
  auto* const joining = std::get_if<residual_block>(&c.up.front());
  if (!joining || !joining->shortcut) return nullptr;
  const group_norm& norm = joining->norm_1;
  return is_aligned(border_of(c, *joining), norm.gamma.size(), norm.groups) ? joining : nullptr;
}

}  // namespace detail

/// Folds factors of skips into the weights of the blocks that join them, where no group of the GroupNorm straddles the
/// border between decoder feature and skip and the block has a 1x1 shortcut; negative factors stay. The network with
/// the factors that are left gives what the plain one gives with all of them, but for the rounding of the weights.
/// Throws std::invalid_argument, naming both numbers, unless there is a finite factor for each connection.
inline folded_network fold_skip_tuning(network net, std::vector<double> rho)
{
  if (rho.size() != net.connections.size())
    throw std::invalid_argument("Skip-Tuning has " + std::to_string(rho.size()) + " factors, but the network has " +
                                std::to_string(net.connections.size()) + " connections");
  fewstep::detail::require_rho(rho);
  folded_network out{std::move(net), std::move(rho), {}};
  for (std::size_t i = 0; i < out.rho.size(); ++i) {
    connection& c = out.net.connections[i];
    const double factor = out.rho[i];
    residual_block* const joining = factor >= 0 && factor != 1 ? detail::foldable(c) : nullptr;
    if (!joining) continue;
    detail::scale_inputs(*joining->shortcut, detail::border_of(c, *joining), factor);
    detail::scale_groups(joining->norm_1, detail::border_of(c, *joining), factor);
    out.rho[i] = 1;
    out.folded.push_back(i);
  }
  return out;
}

}  // namespace fewstep::nn
