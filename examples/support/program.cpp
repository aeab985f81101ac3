#include "support/program.hpp"

#include <cstdio>
#include <exception>

namespace examples {

int run_program(const program_title& title, int argc, char** argv, const std::function<void(CLI::App&)>& declare,
                const std::function<void()>& body, bool silent)
{
  CLI::App app(title.about, title.name);
  app.option_defaults()->take_last();
  declare(app);
  try {
    app.parse(argc, argv);
    body();
    return 0;
  } catch (const CLI::Success& help) {
    return silent ? 0 : app.exit(help);
  } catch (const std::exception& error) {
    if (!silent) std::fprintf(stderr, "%s: %s\n", title.name.c_str(), error.what());
    return 2;
  }
}

}  // namespace examples
