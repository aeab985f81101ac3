/// @file
/// What every example program with MPI does the same way: the ranks of a run, and one sentence for an error on any.
#pragma once

#include "support/program.hpp"

#include <CLI/CLI.hpp>

#include <mpi.h>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace examples {

/// MPI from here to the end of the scope. All ranks run the same program; rank 0 speaks for them.
class ranks {
public:
  ranks(int& argc, char**& argv)
  {
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
  }
  ranks(const ranks&) = delete;
  ranks& operator=(const ranks&) = delete;
  ~ranks() { MPI_Finalize(); }

  bool first() const { return rank_ == 0; }

  /// Whether the k-th piece of work is this rank's: pieces are dealt out in turn.
  bool mine(std::size_t k) const { return k % static_cast<std::size_t>(size_) == static_cast<std::size_t>(rank_); }

  /// Does work without communication on all ranks. If it throws on some, std::runtime_error is thrown on all, with the
  /// sentence of the lowest, so that no rank waits for one that has gone.
  template <class F>
  void together(F work) const
  {
    std::string sentence;
    int failed = size_, lowest = size_;
    try {
      work();
    } catch (const std::exception& error) {
      sentence = error.what(), failed = rank_;
    }
    MPI_Allreduce(&failed, &lowest, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
    if (lowest == size_) return;
    unsigned long length = sentence.size();
    MPI_Bcast(&length, 1, MPI_UNSIGNED_LONG, lowest, MPI_COMM_WORLD);
    sentence.resize(length);
    MPI_Bcast(sentence.data(), static_cast<int>(length), MPI_CHAR, lowest, MPI_COMM_WORLD);
    throw std::runtime_error(sentence);
  }

  /// Adds up the numbers of all ranks, element by element, on rank 0; elsewhere they stay as they are. Each element is
  /// 0 on all ranks but one, so that the sum is that one to the bit, but for the sign of 0, in whatever order it is
  /// taken.
  template <class T>
  void collect(std::vector<T>& numbers) const
  {
    constexpr std::size_t at_once = std::size_t{1} << 24;  // MPI counts in int
    const MPI_Datatype type = sizeof(T) == sizeof(double) ? MPI_DOUBLE : MPI_FLOAT;
    for (std::size_t from = 0; from < numbers.size(); from += at_once) {
      const int count = static_cast<int>(std::min(at_once, numbers.size() - from));
      T* part = numbers.data() + from;
      MPI_Reduce(first() ? MPI_IN_PLACE : part, part, count, type, MPI_SUM, 0, MPI_COMM_WORLD);
    }
  }

private:
  int rank_ = 0, size_ = 1;
};

/// As `run_program` on rank 0, and silent elsewhere. `body(ranks)` is called on all.
inline int run_on_ranks(const program_title& title, int argc, char** argv,
                        const std::function<void(CLI::App&)>& declare, const std::function<void(const ranks&)>& body)
{
  const ranks all(argc, argv);
  return run_program(
      title, argc, argv, declare, [&] { body(all); }, !all.first());
}

}  // namespace examples
