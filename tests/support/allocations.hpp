/// @file
/// Counts what a thread allocates with operator new. Including this replaces operator new in the whole program; the
/// definitions are weak, so that several of its files may include it.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>

namespace fewstep::test {

/// Whether the count below counts: not where a sanitizer's own operator new takes the place of ours.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool allocations_are_counted = false;
#else
inline constexpr bool allocations_are_counted = true;
#endif
#else
inline constexpr bool allocations_are_counted = true;
#endif

/// Calls of operator new on this thread so far, aligned ones excepted.
inline thread_local std::size_t allocations = 0;

inline void* allocate(std::size_t size) noexcept
{
  ++allocations;
  return std::malloc(size == 0 ? 1 : size);
}

inline void* allocate_or_throw(std::size_t size)
{
  if (void* memory = allocate(size)) return memory;
  throw std::bad_alloc();
}

}  // namespace fewstep::test

// All forms, for a sanitizer's runtime does not make one of the other.
// clang-format off
[[gnu::weak]] void* operator new(std::size_t size) { return fewstep::test::allocate_or_throw(size); }
[[gnu::weak]] void* operator new[](std::size_t size) { return fewstep::test::allocate_or_throw(size); }
[[gnu::weak]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return fewstep::test::allocate(size); }
[[gnu::weak]] void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return fewstep::test::allocate(size); }
[[gnu::weak]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::weak]] void operator delete[](void* memory) noexcept { std::free(memory); }
[[gnu::weak]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::weak]] void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::weak]] void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
[[gnu::weak]] void operator delete[](void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
// clang-format on
