/// @file
/// diffusers' UNet2DModel as a LibTorch module, for training and for comparison. It is longer than most headers: the
/// layers and the names that diffusers gives them belong together.
#pragma once

#include "fewstep/adapt/torch.hpp"
#include "fewstep/io/safetensors.hpp"
#include "fewstep/io/safetensors_writer.hpp"
#include "fewstep/nn/blueprint.hpp"
#include "fewstep/nn/weights.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/unet/identity.hpp"
#include "fewstep/unet/unet.hpp"

#include <ATen/core/Tensor.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/upsample_nearest2d.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace examples {

/// The network of a blueprint. Parameters have the names and shapes of diffusers' checkpoints and PyTorch's usual
/// random values at first. Gradients flow through all of it; in inference mode, operations reuse their inputs' memory
/// where nobody else looks. Connections are numbered as `fewstep::unet` has it.
class unet2d_torch : public torch::nn::Module {
public:
  /// Throws std::invalid_argument if the blueprint is inconsistent or asks for a layer that this module has not.
  explicit unet2d_torch(const fewstep::nn::blueprint& design) : design_(design)
  {
    check(design);
    const auto resamples = [](const fewstep::nn::block_kind& kind) { return kind.residual_sampling; };
    if (design.scale_shift || design.fourier_time || design.class_is != fewstep::nn::class_input::label ||
        std::any_of(design.down.begin(), design.down.end(), resamples) ||
        std::any_of(design.up.begin(), design.up.end(), resamples))
      throw std::invalid_argument(
          "the LibTorch module has neither scale_shift, Fourier time, classes without labels nor residual samplers");
    const std::size_t waves = design.channels.front();
    linear_1_ = linear("time_embedding.linear_1", waves, embedding_width());
    linear_2_ = linear("time_embedding.linear_2", embedding_width(), embedding_width());
    if (design.classes)
      classes_ =
          place("class_embedding", torch::nn::Embedding(signed_of(*design.classes), signed_of(embedding_width())));
    add_encoder();
    add_middle();
    add_decoder();
    last_norm_ = norm("conv_norm_out", design.channels.front(), design.norm_groups);
    last_ = conv("conv_out", design.channels.front(), design.out_channels, 3);
  }

  std::size_t connections() const { return levels_.size(); }

  /// The embedding (count, width) of times (count), on any device, and, where the network knows classes, labels
  /// (count).
  at::Tensor embed(const at::Tensor& times, const at::Tensor& labels)
  {
    const auto half = signed_of(design_.channels.front() / 2);
    const double range = static_cast<double>(half) - design_.frequency_shift;
    const at::Tensor angles = times.to(at::kCPU, at::kDouble).unsqueeze(1) *
                              (at::arange(half, at::kDouble) * (-std::log(10000.0) / range)).exp().unsqueeze(0);
    const at::TensorOptions kind = linear_1_->weight.options();
    const at::Tensor sines = angles.sin().to(kind), cosines = angles.cos().to(kind);
    const at::Tensor waves = design_.cosines_first ? at::cat({cosines, sines}, 1) : at::cat({sines, cosines}, 1);
    const at::Tensor e = linear_2_->forward(at::silu(linear_1_->forward(waves)));
    return design_.classes ? e + classes_->forward(labels) : e;
  }

  at::Tensor enter(const at::Tensor& x) const { return design_.center_input ? 2 * x - 1 : x; }
  at::Tensor down(std::size_t i, const at::Tensor& h, const at::Tensor& e) const { return run(levels_[i].down, h, e); }
  at::Tensor middle(const at::Tensor& h, const at::Tensor& e) const { return run(middle_, h, e); }
  at::Tensor up(std::size_t i, const at::Tensor& deep, const at::Tensor& skip, const at::Tensor& e) const
  {
    return run(levels_[i].up, at::cat({deep, skip}, 1), e);
  }
  at::Tensor leave(const at::Tensor& h) { return last_->forward(at::silu(last_norm_->forward(h))); }

  /// The prediction at images x (count, channels, height, width), times (count) and labels (count) or none.
  at::Tensor forward(const at::Tensor& x, const at::Tensor& times, const at::Tensor& labels = {});

private:
  using layer = std::function<at::Tensor(const at::Tensor& h, const at::Tensor& e)>;

  struct connection {
    std::vector<layer> down, up;
    std::size_t channels;
  };

  static std::int64_t signed_of(std::size_t number) { return static_cast<std::int64_t>(number); }

  static at::Tensor run(const std::vector<layer>& layers, at::Tensor h, const at::Tensor& e)
  {
    for (const layer& next : layers) h = next(h, e);
    return h;
  }

  std::size_t embedding_width() const { return 4 * design_.channels.front(); }

  at::Tensor activated(at::Tensor x) const
  {
    if (design_.act == fewstep::nn::activation::gelu) return at::gelu(x);
    return at::silu_(x);
  }

  /// Registers a layer under a path of names, with empty modules on the way.
  template <class M>
  M place(const std::string& path, M module)
  {
    torch::nn::Module* at = this;
    std::size_t begin = 0;
    for (std::size_t dot; (dot = path.find('.', begin)) != std::string::npos; begin = dot + 1) {
      const std::string name = path.substr(begin, dot - begin);
      const auto children = at->named_children();
      const auto* found = children.find(name);
      at = found ? found->get() : at->register_module(name, std::make_shared<torch::nn::Module>()).get();
    }
    return at->register_module(path.substr(begin), std::move(module));
  }

  torch::nn::Linear linear(const std::string& path, std::size_t in, std::size_t out)
  {
    return place(path, torch::nn::Linear(signed_of(in), signed_of(out)));
  }

  torch::nn::Conv2d conv(const std::string& path, std::size_t in, std::size_t out, std::int64_t size,
                         std::int64_t stride = 1, bool padded = true)
  {
    const auto options = torch::nn::Conv2dOptions(signed_of(in), signed_of(out), size).stride(stride);
    return place(path, torch::nn::Conv2d(torch::nn::Conv2dOptions(options).padding(padded ? size / 2 : 0)));
  }

  torch::nn::GroupNorm norm(const std::string& path, std::size_t channels, std::size_t groups)
  {
    const torch::nn::GroupNormOptions options(signed_of(groups), signed_of(channels));
    return place(path, torch::nn::GroupNorm(torch::nn::GroupNormOptions(options).eps(design_.norm_eps)));
  }

  layer residual(const std::string& path, std::size_t in, std::size_t out, double scale = 1)
  {
    auto norm_1 = norm(path + ".norm1", in, design_.norm_groups);
    auto conv_1 = conv(path + ".conv1", in, out, 3);
    auto time = linear(path + ".time_emb_proj", embedding_width(), out);
    auto norm_2 = norm(path + ".norm2", out, design_.norm_groups);
    auto conv_2 = conv(path + ".conv2", out, out, 3);
    auto shortcut = in == out ? torch::nn::Conv2d(nullptr) : conv(path + ".conv_shortcut", in, out, 1);
    return [=, this](const at::Tensor& x, const at::Tensor& e) mutable {
      const at::Tensor shift = time->forward(activated(e.clone())).unsqueeze(2).unsqueeze(3);
      at::Tensor h = conv_1->forward(activated(norm_1->forward(x))).add_(shift);
      h = conv_2->forward(activated(norm_2->forward(h)));
      h.add_(shortcut ? shortcut->forward(x) : x);
      return scale == 1 ? h : h.div_(scale);
    };
  }

  layer attention(const std::string& path, std::size_t channels, std::size_t groups, double scale = 1)
  {
    auto group_norm = norm(path + ".group_norm", channels, groups);
    auto queries = linear(path + ".to_q", channels, channels), keys = linear(path + ".to_k", channels, channels);
    auto values = linear(path + ".to_v", channels, channels), out = linear(path + ".to_out.0", channels, channels);
    const auto width = signed_of(design_.head_width.value_or(channels));
    return [=](const at::Tensor& x, const at::Tensor&) mutable {
      const at::Tensor rows = group_norm->forward(x).flatten(2).transpose(1, 2);  // (count, pixels, channels)
      const auto heads = [&](torch::nn::Linear& of) {
        return of->forward(rows).unflatten(2, {-1, width}).transpose(1, 2);
      };
      const at::Tensor scores =
          at::matmul(heads(queries).mul_(1 / std::sqrt(static_cast<double>(width))), heads(keys).transpose(2, 3));
      const at::Tensor mixed = at::matmul(at::softmax(scores, -1), heads(values)).transpose(1, 2).flatten(2);
      const at::Tensor image = out->forward(mixed).transpose(1, 2).reshape(x.sizes());
      at::Tensor h = image.contiguous(x.suggest_memory_format()).add_(x);
      return scale == 1 ? h : h.div_(scale);
    };
  }

  layer halving(const std::string& path, std::size_t channels)
  {
    auto smaller = conv(path, channels, channels, 3, 2, design_.downsample_padding == 1);
    return [smaller, behind = design_.downsample_padding == 0](const at::Tensor& x, const at::Tensor&) mutable {
      return smaller->forward(behind ? at::constant_pad_nd(x, {0, 1, 0, 1}) : x);
    };
  }

  layer doubling(const std::string& path, std::size_t channels)
  {
    auto after = conv(path, channels, channels, 3);
    return [after](const at::Tensor& x, const at::Tensor&) mutable {
      return after->forward(at::upsample_nearest2d(x, {2 * x.size(2), 2 * x.size(3)}));
    };
  }

  void add_encoder()
  {
    std::size_t in = design_.channels.front();
    auto first = conv("conv_in", design_.in_channels, in, 3);
    levels_.push_back(
        {{[first](const at::Tensor& x, const at::Tensor&) mutable { return first->forward(x); }}, {}, in});
    for (std::size_t level = 0; level < design_.channels.size(); ++level) {
      const std::string path = "down_blocks." + std::to_string(level);
      const std::size_t out = design_.channels[level];
      for (std::size_t k = 0; k < design_.layers_per_block; ++k, in = out) {
        levels_.push_back({{residual(path + ".resnets." + std::to_string(k), in, out)}, {}, out});
        if (design_.down[level].attention)
          levels_.back().down.push_back(attention(path + ".attentions." + std::to_string(k), out, design_.norm_groups));
      }
      if (level + 1 == design_.channels.size()) break;
      levels_.push_back({{halving(path + ".downsamplers.0.conv", out)}, {}, out});
    }
  }

  void add_middle()
  {
    const std::size_t channels = design_.channels.back();
    const std::size_t groups = design_.mid_attention_groups.value_or(design_.norm_groups);
    middle_.push_back(residual("mid_block.resnets.0", channels, channels, design_.mid_scale));
    if (design_.mid_attention)
      middle_.push_back(attention("mid_block.attentions.0", channels, groups, design_.mid_scale));
    middle_.push_back(residual("mid_block.resnets.1", channels, channels, design_.mid_scale));
  }

  void add_decoder()
  {
    const std::size_t count = design_.channels.size();
    std::size_t in = design_.channels.back(), number = levels_.size();
    for (std::size_t block = 0; block < count; ++block) {
      const std::string path = "up_blocks." + std::to_string(block);
      const std::size_t out = design_.channels[count - 1 - block];
      for (std::size_t k = 0; k <= design_.layers_per_block; ++k, in = out) {
        connection& c = levels_[--number];
        c.up.push_back(residual(path + ".resnets." + std::to_string(k), in + c.channels, out));
        if (design_.up[block].attention)
          c.up.push_back(attention(path + ".attentions." + std::to_string(k), out, design_.norm_groups));
      }
      if (block + 1 < count) levels_[number].up.push_back(doubling(path + ".upsamplers.0.conv", out));
    }
  }

  fewstep::nn::blueprint design_;
  torch::nn::Linear linear_1_ = nullptr, linear_2_ = nullptr;
  torch::nn::Embedding classes_ = nullptr;
  std::vector<connection> levels_;
  std::vector<layer> middle_;
  torch::nn::GroupNorm last_norm_ = nullptr;
  torch::nn::Conv2d last_ = nullptr;
};

/// The module under a condition: models `fewstep::unet`, so every hook works on it.
struct unet2d_torch_lane {
  unet2d_torch* net;
  at::Tensor labels{};  ///< (count), undefined if the network knows no classes
  at::Tensor times{};   ///< (count) instead of the level's own t; mostly undefined

  using feature = at::Tensor;
  using embedding = at::Tensor;

  std::size_t connections() const { return net->connections(); }
  at::Tensor embed(const at::Tensor& x, const fewstep::evaluation& at) const
  {
    return net->embed(times.defined() ? times : at::full({x.size(0)}, at.t, at::kDouble), labels);
  }
  at::Tensor enter(const at::Tensor& x, const at::Tensor&) const { return net->enter(x); }
  at::Tensor down(std::size_t i, const at::Tensor& h, const at::Tensor& e) const { return net->down(i, h, e); }
  at::Tensor middle(const at::Tensor& h, const at::Tensor& e) const { return net->middle(h, e); }
  at::Tensor up(std::size_t i, const at::Tensor& deep, const at::Tensor& skip, const at::Tensor& e) const
  {
    return net->up(i, deep, skip, e);
  }
  at::Tensor leave(const at::Tensor& h, const at::Tensor&) const { return net->leave(h); }
};

inline at::Tensor unet2d_torch::forward(const at::Tensor& x, const at::Tensor& times, const at::Tensor& labels)
{
  return fewstep::evaluate(unet2d_torch_lane{this, labels, times}, x, fewstep::evaluation{});
}

/// Writes the tensors of a checkpoint into the parameters. Throws std::runtime_error, naming file and tensor, if one is
/// missing, has another shape or has no place in the network.
inline void load(unet2d_torch& net, fewstep::safetensors_file file)
{
  fewstep::nn::weights tensors(std::move(file));
  for (auto& named : net.named_parameters()) {
    const std::vector<std::size_t> shape(named.value().sizes().begin(), named.value().sizes().end());
    const std::vector<float> numbers = tensors.take(named.key(), shape);
    at::Tensor data = named.value().detach();
    const bool direct = data.is_cpu() && data.is_contiguous();
    at::Tensor flat = direct ? data : at::empty(data.sizes(), data.options().device(at::kCPU));
    std::copy(numbers.begin(), numbers.end(), flat.data_ptr<float>());
    if (!direct) data.copy_(flat);
  }
  tensors.require_empty();
}

/// The parameters as the bytes of a checkpoint.
inline std::string safetensors_text(const unet2d_torch& net)
{
  std::vector<at::Tensor> kept;
  std::vector<fewstep::tensor_view> views;
  for (const auto& named : net.named_parameters()) {
    kept.push_back(named.value().detach().cpu().contiguous());
    const std::span<const float> numbers(kept.back().data_ptr<float>(), static_cast<std::size_t>(kept.back().numel()));
    views.push_back(fewstep::view_of(named.key(), numbers, {kept.back().sizes().begin(), kept.back().sizes().end()}));
  }
  return fewstep::safetensors_text(views);
}

}  // namespace examples
