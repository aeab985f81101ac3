/// @file
/// What every example program does the same way: one sentence for an error, a progress bar, a stopwatch.
#pragma once

#include <CLI/CLI.hpp>

#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <functional>
#include <string>
#include <utility>

namespace examples {

/// What a program is called, and what --help says of it.
struct program_title {
  std::string name, about;
};

/// Parses what `declare` adds to the options, where the last of two counts, and calls `body`. What is wrong with the
/// input is one sentence on stderr and exit status 2. Nothing is printed if the program is `silent`. The parser is
/// compiled once for all programs, in program.cpp.
int run_program(const program_title& title, int argc, char** argv, const std::function<void(CLI::App&)>& declare,
                const std::function<void()>& body, bool silent = false);

/// Seconds since it was made.
class stopwatch {
public:
  double seconds() const { return std::chrono::duration<double>(clock::now() - start_).count(); }

private:
  using clock = std::chrono::steady_clock;
  clock::time_point start_ = clock::now();
};

/// A bar on stderr that is redrawn in place, if stderr is a terminal; silent otherwise.
class progress_bar {
public:
  progress_bar(std::size_t total, std::string unit) : total_(total), unit_(std::move(unit)) {}
  progress_bar(const progress_bar&) = delete;
  progress_bar& operator=(const progress_bar&) = delete;
  ~progress_bar()
  {
    if (drawn_) std::fputc('\n', stderr);
  }

  /// `note` stands behind the time.
  void show(std::size_t done, const std::string& note = "")
  {
    if (!terminal_ || total_ == 0) return;
    constexpr std::size_t width = 40;
    const std::size_t full = done * width / total_;
    const std::string bar = std::string(full, '#') + std::string(width - full, ' ');
    std::fprintf(stderr, "\r[%s] %zu/%zu %s, %.1f s %s ", bar.c_str(), done, total_, unit_.c_str(), watch_.seconds(),
                 note.c_str());
    std::fflush(stderr);
    drawn_ = true;
  }

private:
  std::size_t total_;
  std::string unit_;
  stopwatch watch_;
  bool terminal_ = ::isatty(STDERR_FILENO) != 0, drawn_ = false;
};

}  // namespace examples
