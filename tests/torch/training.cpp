/// @file
/// Objectives on LibTorch's tensors: gradients against finite differences, values against vectors of numbers, and the
/// page on training as it is printed.
#include <ATen/core/ivalue.h>  // before ATen/ops: clang++ refuses LibTorch 1.13 otherwise

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/sin.h>

#include "snippets/training_phased.hpp"

#include "fewstep/denoiser/scalings.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "fewstep/train/consistency.hpp"
#include "fewstep/train/denoising.hpp"
#include "fewstep/train/distance.hpp"
#include "fewstep/train/progressive.hpp"
#include "support/catch.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using fewstep::edm_schedule;
using fewstep::noise_level;
using fewstep::prediction;

namespace {

using X = at::Tensor;
using numbers = std::vector<double>;

X waves(std::int64_t count, double phase)
{
  return at::sin(at::arange(count, at::kDouble) * 1.7 + phase);
}

/// Three samples of four numbers.
train::batch<X> clean_batch()
{
  return {waves(12, 0).reshape({3, 4}), 1.3 * waves(12, 2).reshape({3, 4})};
}

/// tanh(W x) + b cos(t / 3): a network with parameters.
struct small_network {
  X weight = 0.6 * waves(16, 4).reshape({4, 4});
  X bias = 0.2 * waves(4, 5);

  X forward(const X& x, const X& times) const
  {
    return x.matmul(weight).tanh() + bias * (times / 3).cos().unsqueeze(1);
  }
  auto calls() const
  {
    return [*this](const X& x, train::batch_levels at) { return forward(x, times_of(at)); };
  }
};

const std::vector<noise_level> high{edm_schedule{}(3), edm_schedule{}(0.8), edm_schedule{}(0.2)};
const std::vector<noise_level> low{edm_schedule{}(2), edm_schedule{}(0.5), edm_schedule{}(0.1)};

std::vector<fewstep::jump> jumps()
{
  return {{high[0], low[0]}, {high[1], low[1]}, {high[2], low[2]}};
}

std::vector<train::phased_step> phased_steps()
{
  return {{high[0], low[0], edm_schedule{}(1)}, {high[1], low[1], low[1]}, {high[2], low[2], edm_schedule{}(0)}};
}

/// Every objective as a function of the student's network; target and teacher stay.
std::map<std::string, std::function<X(const small_network&)>> objectives()
{
  const small_network fixed;
  const small_network teacher{.weight = 0.5 * waves(16, 1).reshape({4, 4})};
  const auto boundary = [](const small_network& network) {
    return train::preconditioned(network.calls(), fewstep::consistency_scaling{.sigma_min = 0.002});
  };
  const auto edm = train::preconditioned(teacher.calls(), fewstep::edm_scaling{});
  const auto guided = train::guided(teacher.calls(), fixed.calls(), {1, 4, 7.5});
  return {
      {"denoising",
       [=](const small_network& net) {
         return train::denoising(net.calls(), prediction::velocity, clean_batch(), high).losses;
       }},
      {"guidance-free",
       [=](const small_network& net) {
         const auto plain = train::guidance_free(net.calls(), teacher.calls(), {1.2, 1, 4});
         return train::denoising(plain, prediction::velocity, clean_batch(), high).losses;
       }},
      {"consistency distillation",
       [=](const small_network& net) {
         return train::consistency_distillation(boundary(net), boundary(fixed), edm, clean_batch(), jumps(),
                                                train::pseudo_huber(0.03))
             .losses;
       }},
      {"consistency training",
       [=](const small_network& net) {
         return train::consistency_training(boundary(net), boundary(fixed), clean_batch(), jumps(), train::l1{}).losses;
       }},
      {"LCM",
       [=](const small_network& net) {
         const auto f = [](const small_network& network) {
           return train::preconditioned(train::converted(network.calls(), prediction::noise), fewstep::lcm_scaling{});
         };
         return train::consistency_distillation(f(net), f(fixed), guided, clean_batch(), jumps(),
                                                train::element_huber(), train::ddim_solver{})
             .losses;
       }},
      {"phased",
       [=](const small_network& net) {
         return train::phased_distillation(net.calls(), fixed.calls(), guided, clean_batch(), phased_steps()).losses;
       }},
      {"progressive",
       [=](const small_network& net) {
         std::vector<train::double_step> steps;
         for (std::size_t k = 0; k < 3; ++k) steps.push_back({high[k], low[k], edm_schedule{}(low[k].sigma / 2)});
         return train::progressive_distillation(net.calls(), guided, clean_batch(), steps).losses;
       }},
      {"generator",
       [=](const small_network& net) {
         const auto learnt = train::denoising(net.calls(), prediction::data, clean_batch(), high);
         return train::generator_loss(fixed.calls(),
                                      train::renoised(learnt.estimate, low, high, waves(12, 3).reshape({3, 4})), high);
       }},
      {"discriminator",
       [=](const small_network& net) {
         return train::discriminator_loss(net.calls(), clean_batch().data, clean_batch().noise, high);
       }},
  };
}

/// A network by the operations that every tensor with gradients has.
template <fewstep::differentiable T>
T plain_network(const T& x, train::batch_levels at)
{
  using traits = fewstep::gradient_traits<T>;
  numbers factors;
  for (const noise_level& level : at) factors.push_back(0.7 / (1 + level.sigma));
  const fewstep::sample_term<T> scaled{factors, &x};
  const T y = traits::sum(std::span(&scaled, 1), 0.1);
  return traits::root(traits::square(y));
}

numbers listed(const X& x)
{
  const X flat = x.detach().contiguous();
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

}  // namespace

TEST_CASE("gradients of all objectives are their finite differences", "[torch]")
{
  for (const auto& [name, losses] : objectives()) {
    CAPTURE(name);
    const auto loss = [&losses = losses](const small_network& net) { return train::mean(losses(net), {1, 2, 0.5}); };
    small_network net;
    net.weight.requires_grad_(), net.bias.requires_grad_();
    loss(net).sum().backward();
    for (X small_network::*parameter : {&small_network::weight, &small_network::bias}) {
      const X gradient = (net.*parameter).grad().reshape({-1});
      for (const std::int64_t k : {0, 3, 2}) {
        constexpr double step = 1e-5;  // the difference errs by step^2 and by rounding / step
        const auto at = [&](double distance) {
          small_network moved;
          (moved.*parameter).view({-1})[k] += distance;
          return loss(moved).sum().item<double>();
        };
        REQUIRE_THAT(gradient[k].item<double>(), WithinAbs((at(step) - at(-step)) / (2 * step), 1e-8));
      }
    }
  }
}

TEST_CASE("guidance-free training has no gradient for the network that guides", "[torch]")
{
  small_network net, negative;
  net.weight.requires_grad_(), negative.weight.requires_grad_();
  const auto plain = train::guidance_free(net.calls(), negative.calls(), {1.2, 2, 4});
  train::mean(train::denoising(plain, prediction::data, clean_batch(), high).losses).sum().backward();
  REQUIRE(net.weight.grad().defined());
  REQUIRE_FALSE(negative.weight.grad().defined());
}

TEST_CASE("objectives on LibTorch's tensors have the values that they have on numbers", "[torch]")
{
  const train::batch<X> clean = clean_batch();
  const train::batch<numbers> as_numbers{listed(clean.data), listed(clean.noise)};
  const auto require_same = [&](const auto& objective) {
    const numbers ours = listed(objective(clean, plain_network<X>).losses);
    const numbers theirs = objective(as_numbers, plain_network<numbers>).losses;
    REQUIRE(ours.size() == 3);
    for (std::size_t k = 0; k < 3; ++k) REQUIRE_THAT(ours[k], WithinRel(theirs[k], 1e-13));
  };
  require_same([](const auto& batch, const auto& net) {
    return train::consistency_distillation(net, net, net, batch, jumps(), train::pseudo_huber(0.1));
  });
  require_same([](const auto& batch, const auto& net) {
    return train::phased_distillation(net, net, net, batch, phased_steps());
  });
  require_same([](const auto& batch, const auto& net) {
    return train::denoising(net, prediction::noise, batch, high, train::l1{});
  });
}

TEST_CASE("the step of training that the documentation prints lowers its loss", "[torch]")
{
  const fewstep::vp_table table = fewstep::linear_vp();
  const auto all = train::phased_steps(table, 4);
  const std::vector<train::phased_step> steps{all[5], all[20], all[40]};
  std::vector<noise_level> above;
  for (const auto& step : steps) above.push_back(train::adversarial_level(table, step.end, 4, 0.5));
  small_network student, teacher{.weight = 0.5 * waves(16, 1).reshape({4, 4})};
  const auto judge = teacher.calls();
  student.weight.requires_grad_(), student.bias.requires_grad_();
  const auto loss = [&](double weight) {
    return student_loss(student, teacher, judge, clean_batch(), steps, above, waves(12, 3).reshape({3, 4}), weight)
        .sum();
  };
  const double before = loss(0.1).item<double>();
  REQUIRE(before > loss(0).item<double>());
  for (int k = 0; k < 20; ++k) {
    student.weight.mutable_grad() = X(), student.bias.mutable_grad() = X();
    loss(0.1).backward();
    std::vector<X> parameters{student.weight, student.bias};
    const std::vector<X> gradients{student.weight.grad(), student.bias.grad()};
    for (std::size_t j = 0; j < 2; ++j)
      fewstep::gradient_traits<X>::update(parameters[j], 1, std::array{fewstep::term<X>{-0.05, &gradients[j]}});
  }
  REQUIRE(loss(0.1).item<double>() < before);
}
