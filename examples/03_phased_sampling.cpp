// Phased consistency: the way from noise to data is cut at edges, and the network jumps from edge to edge.
// Its place is taken by the exact jump on a mixture of two normal laws, which shows what other times than edges cost.
#include "fewstep/audit/mixture_data.hpp"
#include "fewstep/fewstep.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <vector>

using fewstep::noise_level;

const fewstep::mixture_data data;

// What a network learns that was trained on these edges: the data for which DDIM's step to the edge below ends where
// the flow does, since with y = x / alpha and s = sigma / alpha the step is a straight line from D at s = 0.
double predict(double x, const noise_level& at, const std::vector<noise_level>& edges)
{
  const noise_level edge = fewstep::phase_path(edges, at)[1];
  const double y = x / at.alpha, y_edge = data.flow(x, at, edge) / edge.alpha;
  const double s = fewstep::noise_to_signal(at), s_edge = fewstep::noise_to_signal(edge);
  return (s * y_edge - s_edge * y) / (s - s_edge);
}

double missed(const std::vector<noise_level>& grid, const std::vector<noise_level>& trained_on)
{
  const auto network = [&](double x, const noise_level& at) { return predict(x, at, trained_on); };
  double worst = 0;
  for (double start : {-2.0, -1.0, -0.3, 0.2, 1.0, 2.0})
    worst = std::max(worst, std::abs(fewstep::sample(fewstep::phased(grid), start, network) -
                                     data.flow(start, grid.front(), grid.back())));
  return worst;
}

int main()
{
  std::puts("phases   on the edges   at the published inference times   on 2 phases' edges   DDIM with the denoiser");
  bool as_expected = true;
  for (const std::size_t phases : {2U, 4U, 8U}) {
    const auto edges = fewstep::pcm_sd15(phases);  // 4 phases: 999, 739, 499, 239, 0
    const auto published = fewstep::pcm_sd15(phases, fewstep::pcm_times::validation);  // 999, 749, 499, 249, 0
    const double exact = missed(edges, edges), off = missed(published, edges);
    const double other = missed(edges, fewstep::pcm_sd15(2));
    double ddim = 0;
    for (double start : {-2.0, -1.0, -0.3, 0.2, 1.0, 2.0})
      ddim = std::max(ddim, std::abs(fewstep::sample(fewstep::ddim(edges), start, data) -
                                     data.flow(start, edges.front(), edges.back())));
    std::printf("%6zu %14.1e %34.3f %21.3f %24.3f\n", phases, exact, off, other, ddim);
    as_expected = as_expected && exact < 1e-9 && (phases == 2 || off > 1e-3);
  }
  return as_expected ? 0 : 1;
}
