"""Turns the output of benchmark_steps into a page and a plot: steps.py RESULTS.json FOLDER"""
import json
import math
import pathlib
import platform
import re
import sys

BUDGETS = (5, 10, 20, 50, 100)
PROBLEMS = {2: "2 dimensions: four narrow blobs", 1024: "1024 dimensions: wide blobs of unequal weights"}
SHOWN = {  # in the plot, where all lines would hide each other
    False: ("DDIM", "Heun", "DPM-Solver++ 2S", "DPM-Solver++ 2M", "DPM-Solver++ 3M", "UniPC-2", "UniPC-3", "iPNDM-4"),
    True: ("DDPM", "DDPM, large variance", "EDM stochastic", "DPM-2 ancestral", "DPM-Solver++ 2S ancestral",
           "DPM-Solver++ SDE", "DPM-Solver++ SDE-2M", "DPM-Solver++ SDE-3M"),
}
COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#777777", "#e69f00")

PAGE = """# Error against the number of evaluations

Every sampler with 5 to 100 evaluations of the network, on data for which the best network, the flow and the law are known
exactly. This page is written by `scripts/steps.sh`, which runs `benchmark_steps`.

![Error against evaluations, in four panels: deterministic and stochastic samplers in 2 and 1024 dimensions](steps.svg)

- **Data.** Axes are independent and follow one mixture of two normal laws. In the plane that makes four narrow blobs
  (means -1 and 1, deviation 0.1), in 1024 dimensions 2^1024 wide ones (0.3 N(-1, 0.2^2) + 0.7 N(1.5, 0.3^2)). A plan is a
  linear combination, so it does on each axis what it would do on that axis alone. What differs between the two
  problems is the law of an axis, and the shape of the batch that is timed.
- **Grid.** EDM's (rho = 7, sigma from 80 to 0.002, then 0), with as many steps as the evaluations allow; the flow grid with
  shift 3 where it says so. Each sampler has its default options; EDM stochastic has churn 40 between sigma 0.05 and 50.
- **Error.** Wasserstein's first distance between the law that a sampler ends with and that of the data, in deviations of the
  data. Deterministic samplers start from 4096 evenly spread quantiles of their first level; the number is the mean
  distance to where the exact flow takes them, which is that distance if the sampler keeps the order of numbers,
  and more if not. Stochastic samplers are judged by 65536 draws, sorted, against the quantiles; draws of the data
  themselves are off by {floors}, and less than that says nothing.
- **Consistency samplers** are missing: with an ideal network one step is exact, and nothing is left to measure.

Networks err, these denoisers do not: where a network's own error is 0.01, differences below that are of no use. Entries
with a star took one evaluation less than the column says, because steps cost two.

{tables}
## Time

Of a row of a plan, outside of the network, for 4096 numbers in double, the median over all runs: {deterministic:.1f} us for
deterministic plans, {stochastic:.0f} us where each number of noise is drawn anew. The exact denoiser takes
{inside:.0f} us. {machine}.
"""


def median(numbers):
    ordered = sorted(numbers)
    return ordered[len(ordered) // 2]


def names(runs):
    return list(dict.fromkeys(run["label"] for run in runs if "budget" in run))


def find(runs, name, dimensions):
    return [run for run in runs if run["label"] == name and run["dimensions"] == dimensions and "budget" in run]


def table(runs, stochastic):
    lines = []
    for dimensions, title in PROBLEMS.items():
        lines += [f"### {title}", ""]
        lines.append("| " + ("stochastic" if stochastic else "deterministic") + " | " +
                     " | ".join(str(budget) for budget in BUDGETS) + " |")
        lines.append("|---|" + "---|" * len(BUDGETS))
        rows = {name: find(runs, name, dimensions) for name in names(runs)}
        rows = {name: row for name, row in rows.items() if bool(row[0]["stochastic"]) == stochastic}
        best = [min(row[k]["error"] for row in rows.values()) for k in range(len(BUDGETS))]
        seen = 0.01 if stochastic else 0  # what lies near the error of draws of the data is no best
        for name, row in rows.items():
            cells = []
            for k, run in enumerate(row):
                text = f"{run['error']:.2g}" if run["error"] >= 1e-3 else f"{run['error']:.1e}"
                if run["error"] == best[k] > seen:
                    text = f"**{text}**"
                cells.append(text + ("\\*" if run["evaluations"] < run["budget"] else ""))
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)


def panel(runs, dimensions, stochastic, left, top, width, height):
    """One plot of error against evaluations, both on logarithmic axes."""
    low, high = (-5, 1) if not stochastic else (-3, 1)
    at_x = lambda n: left + width * math.log(n / BUDGETS[0]) / math.log(BUDGETS[-1] / BUDGETS[0])
    at_y = lambda e: top + height * (high - math.log10(max(e, 10.0**low))) / (high - low)
    out = [f'<text x="{left}" y="{top - 10}" font-size="14" font-weight="bold">'
           f'{"Stochastic" if stochastic else "Deterministic"}, {dimensions} dimensions</text>']
    for power in range(low, high + 1):
        y = at_y(10.0**power)
        out.append(f'<path d="M{left} {y:.1f}h{width}" stroke="#ddd" fill="none"/>'
                   f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{10.0**power:g}</text>')
    if stochastic:
        floor = next(run["error"] for run in runs if "budget" not in run and run["dimensions"] == dimensions)
        out.append(f'<path d="M{left} {at_y(floor):.1f}h{width}" stroke="#999" stroke-dasharray="4"/>'
                   f'<text x="{left + 4}" y="{at_y(floor) - 5:.1f}">draws of the data</text>')
    for budget in BUDGETS:
        out.append(f'<text x="{at_x(budget):.1f}" y="{top + height + 16}" text-anchor="middle">{budget}</text>')
    for colour, name in zip(COLOURS, SHOWN[stochastic]):
        points = [(at_x(run["evaluations"]), at_y(run["error"])) for run in find(runs, name, dimensions)]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        out.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.8"/>')
        out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"/>' for x, y in points]
    return out


def plot(runs):
    width, height, gap = 330, 250, 60
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1010 680" font-family="sans-serif" font-size="12">',
           '<rect width="1010" height="680" fill="#fff"/>']
    for row, stochastic in enumerate((False, True)):
        top = 40 + row * (height + 2 * gap - 40)
        for column, dimensions in enumerate(PROBLEMS):
            out += panel(runs, dimensions, stochastic, 60 + column * (width + gap), top, width, height)
        for k, (colour, name) in enumerate(zip(COLOURS, SHOWN[stochastic])):
            y = top + 14 + 20 * k
            out.append(f'<path d="M800 {y}h22" stroke="{colour}" stroke-width="3"/><text x="830" y="{y + 4}">{name}</text>')
    out += ['<text x="400" y="670" text-anchor="middle">evaluations of the network (errors in deviations of the data)</text>',
            "</svg>"]
    return "\n".join(out) + "\n"


def machine(context):
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return f"Measured on {model[1] if model else platform.machine()}, {context['num_cpus']} cores, one of them in use"


def main(results, folder):
    content = json.loads(pathlib.Path(results).read_text())
    runs = content["benchmarks"]
    timed = [run for run in runs if "budget" in run]
    floors = [f"{run['error']:.1g}" for run in runs if "budget" not in run]
    page = PAGE.format(
        floors=" and ".join(floors),
        tables=table(runs, False) + "\n" + table(runs, True),
        deterministic=median(run["outside_us"] for run in timed if not run["stochastic"]),
        stochastic=median(run["outside_us"] for run in timed if run["stochastic"]),
        inside=median(1e3 * run["real_time"] / run["evaluations"] - run["outside_us"] for run in timed),
        machine=machine(content["context"]))
    folder = pathlib.Path(folder)
    (folder / "steps.md").write_text(page)
    (folder / "steps.svg").write_text(plot(runs))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: steps.py RESULTS.json FOLDER")
    main(*sys.argv[1:])
