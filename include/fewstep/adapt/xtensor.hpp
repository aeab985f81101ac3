/// @file
/// xtensor's containers (xarray, xtensor, xtensor_fixed) as tensors. To sample over a strided view, sample over its
/// copy, which costs one more pass each way:
///
///     auto row = xt::view(batch, 3);
///     row = fewstep::sample(plan, xt::xtensor<float, 3>(row), denoise);
#pragma once

#include "fewstep/tensor/contiguous.hpp"

#if __has_include(<xtensor/containers/xarray.hpp>)  // xtensor 0.26 moved its headers
#include <xtensor/containers/xarray.hpp>
#include <xtensor/containers/xfixed.hpp>
#include <xtensor/containers/xtensor.hpp>
#else
#include <xtensor/xarray.hpp>
#include <xtensor/xfixed.hpp>
#include <xtensor/xtensor.hpp>
#endif

#include <concepts>
#include <cstddef>

namespace fewstep {

namespace detail {

/// Numbers of two containers whose layout is chosen at run time need not lie in the same order.
constexpr bool is_known(xt::layout_type layout)
{
  return layout == xt::layout_type::row_major || layout == xt::layout_type::column_major;
}

}  // namespace detail

template <class E, xt::layout_type L, class S, class T>
requires std::floating_point<typename E::value_type>
inline constexpr bool is_contiguous<xt::xarray_container<E, L, S, T>> = detail::is_known(L);

template <class E, std::size_t N, xt::layout_type L, class T>
requires std::floating_point<typename E::value_type>
inline constexpr bool is_contiguous<xt::xtensor_container<E, N, L, T>> = detail::is_known(L);

template <std::floating_point E, class S, xt::layout_type L, bool H, class T>
inline constexpr bool is_contiguous<xt::xfixed_container<E, S, L, H, T>> = detail::is_known(L);

}  // namespace fewstep
