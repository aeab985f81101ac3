"""Turns the measured cells into the page about Analytic-DPM: analytic.py CELLS.json FOLDER"""
import pathlib
import sys

import cells
import charts

STEPS = (5, 10, 25, 50, 100)
ROWS = [
    ("DDPM, small variance", "ddpm-even-{}"),
    ("DDPM, small variance, optimal path", "ddpm-optimal-{}"),
    ("DDPM, large variance", "ddpm-large-even-{}"),
    ("DDPM, large variance, last noise held", "ddpm-large-even-{}-pixels1.0"),
    ("DDIM", "ddim-even-{}"),
    ("Analytic-DDPM", "analytic-ddpm-even-{}"),
    ("Analytic-DDPM, optimal path", "analytic-ddpm-optimal-{}"),
    ("Analytic-DDIM", "analytic-ddim-even-{}"),
    ("Analytic-DDIM, optimal path", "analytic-ddim-optimal-{}"),
]
BLENDS = [("even", "analytic-ddpm-even-10")] + [(share, f"analytic-ddpm-blend-10-share{share}") for share in ("0.25", "0.5", "0.75")]
BLENDS.append(("optimal", "analytic-ddpm-optimal-10"))

PAGE = """# Analytic-DPM on the bundled checkpoint

What the optimal variance and the optimal trajectory ([arXiv:2201.06503](https://arxiv.org/abs/2201.06503)) do for
`models/fontdigits-ddpm`. This page is written by `scripts/analytic.sh`, which measures cell by cell
(`docs/results/cells.json`) with the moments in `models/fontdigits-ddpm/moments.json`.

![Frechet distance and likelihood against the number of steps](analytic.svg)

- **Images.** {images}: for each cell 1,000 images of each of 3 seeds, all digits in turn, without guidance; one seed for
  100 steps. All paths end with the first time of the schedule and a step to the data. Predicted data is held in [-1, 1];
  DDIM and Analytic-DDIM go on with the unclipped direction. The errors are those of the held predictions. Analytic
  samplers hold their last noise to one pixel, as their official code does, which does the same to DDPM's large variance.
- **Frechet distance** of the pooled images to all 10,240 unseen ones in the 64 features of `models/fontdigits-classifier`, ± the
  standard error of the mean over seeds. {floor}
- **Kernel distance**, times 1000, which has no bias, ± its standard error by the jackknife. Sets that are even in digits are a
  little more alike than random ones, so real images come out below zero.
- **Bits per dimension**: the variational bound on the likelihood of 200 unseen images ± its standard error over images. At
  eta = 0 it is infinite.

## Frechet distance

{frechet}
## Kernel distance, times 1000

{kernel}
## Right digit, in percent

As the classifier sees it; it is right about {right} % of real training images.

{accuracy}
## Bits per dimension

{bits}
## Between even and optimal

Analytic-DDPM of 10 steps whose path lies between the two, by the share of the optimal one:

{blends}
## What it buys here, and what not

{verdict}
"""


def verdict(all_cells):
    """Each claim of the paper, by the differences that were measured."""
    lines = []
    claims = [
        ("optimal variance, DDPM (against the best of small and large)", "analytic-ddpm-even-{}",
         ("ddpm-even-{}", "ddpm-large-even-{}", "ddpm-large-even-{}-pixels1.0")),
        ("optimal variance, DDIM", "analytic-ddim-even-{}", ("ddim-even-{}",)),
        ("optimal path, DDPM small", "ddpm-optimal-{}", ("ddpm-even-{}",)),
        ("optimal path, Analytic-DDPM", "analytic-ddpm-optimal-{}", ("analytic-ddpm-even-{}",)),
        ("optimal path, Analytic-DDIM", "analytic-ddim-optimal-{}", ("analytic-ddim-even-{}",)),
    ]
    for title, ours, rivals in claims:
        for measure, name in ((cells.frechet, "Frechet distance"), (cells.bits, "bits")):
            better, worse, open_ = [], [], []
            for steps in STEPS:
                found = [cells.compare(all_cells, ours.format(steps), rival.format(steps), measure) for rival in rivals]
                found = [f for f in found if f and f[1] > 0]  # one seed tells no standard error
                if not found:
                    continue
                difference, error = max(found)  # against the best rival
                place = open_ if abs(difference) <= 2 * error else better if difference < 0 else worse
                place.append(f"{steps} ({difference:+.3g})")
            parts = [f"{word} at {', '.join(places)}" for word, places in
                     (("better", better), ("**worse**", worse), ("no difference beyond two standard errors", open_)) if places]
            if parts:
                lines.append(f"- {title}, {name}: " + "; ".join(parts) + " steps.")
    shares = [(share, name) for share, name in BLENDS if name in all_cells]
    share, best = min(shares, key=lambda blend: all_cells[blend[1]]["frechet"])
    for rival in (BLENDS[0], BLENDS[-1]):
        difference, error = cells.compare(all_cells, best, rival[1], cells.frechet)
        lines.append(f"- a blend, 10 steps: the share {share} is {difference:+.3f} ± {error:.3f} in Frechet distance against the {rival[0]} "
                     f"path, and {cells.compare(all_cells, best, rival[1], cells.bits)[0]:+.2f} in bits.")
    return "\n".join(lines)


def main(path, folder):
    found = cells.read(path)
    rows = [(title, slug.format) for title, slug in ROWS]
    table = lambda measure, digits, best=min: cells.table(found, rows, STEPS, measure, digits, "steps", best)
    real = found["real"]
    shown = {name(n) for _, name in rows for n in STEPS} | set(dict(BLENDS).values())
    used = [found[name] for name in shown if name in found]
    floor = (f"As many real training images are at {real['frechet']:.3f} (3,000) and "
             f"{sum(real['frechet_of_seeds']) / len(real['frechet_of_seeds']):.3f} (1,000): the floor, which is mostly the bias of few images.")
    blend = lambda title, measure: cells.table(found, [(title, dict(BLENDS).get)], dict(BLENDS), measure, 3, "share", across=True)
    blends = blend("Frechet distance", cells.frechet) + blend("bits per dimension", cells.bits).split("\n")[2] + "\n"
    page = PAGE.format(
        images=f"{sum(cell['images'] * cell['seeds'] for cell in used):,} in all", floor=floor,
        frechet=table(cells.frechet, 3), kernel=table(cells.kernel, 1), right=f"{100 * real['accuracy']:.1f}",
        accuracy=table(cells.accuracy, 1, max), bits=table(cells.bits, 3), blends=blends, verdict=verdict(found))
    quality = charts.Chart("Frechet distance", "steps", "distance", x_log=True, y_log=True)
    likelihood = charts.Chart("Likelihood bound", "steps", "bits per dimension", x_log=True, y_log=True)
    for title, slug in ROWS:
        for chart, measure in ((quality, cells.frechet), (likelihood, cells.bits)):
            points = [(n, *measure(found[slug.format(n)])) for n in STEPS if slug.format(n) in found and measure(found[slug.format(n)])]
            chart.line(title, points, dashed="optimal" in title)
    quality.level("real images, 3,000", real["frechet"])
    folder = pathlib.Path(folder)
    (folder / "analytic.md").write_text(page)
    (folder / "analytic.svg").write_text(charts.page([quality, likelihood], columns=1, legend=260))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: analytic.py CELLS.json FOLDER")
    main(*sys.argv[1:])
