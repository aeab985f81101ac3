"""Turns measured cells and times into the page about DeepCache and Skip-Tuning: unet.py CELLS.json TIMES.json FOLDER"""
import json
import pathlib
import sys

import cells
import charts

EVERY, BRANCHES = (1, 2, 3, 5, 10), (0, 1)
RHO, STEPS = ("1", "0.9", "0.8", "0.7", "0.6", "0.5"), (5, 10, 20)

PAGE = """# DeepCache and Skip-Tuning on the bundled checkpoint

`models/fontdigits-ddpm`, DDIM without guidance, 1,000 images of each of 3 seeds for each cell, {images} in all. This page is
written by `scripts/unet.sh`. Measures and floor are those of [analytic.md](analytic.md): the Frechet distance to 10,240 unseen
images (± standard error over seeds; {floor:.3f} for 3,000 real ones) and the share of digits that a classifier takes for what
they should be.

![DeepCache: distance against speed-up. Skip-Tuning: distance against rho](unet.svg)

## DeepCache, 50 steps

The speed-up is that of the whole sampling run, eight images on one thread: the median over runs that take turns. The ideal one is
that of the multiply-adds. {short}

| branch | every | speed-up | ideal | share | Frechet distance | right digit, % |
|---|---|---|---|---|---|---|
{cache}

For the same time without a cache, fewer steps (DDIM on the same kind of path):

| steps | speed-up | Frechet distance | right digit, % |
|---|---|---|---|
{fewer}

## Skip-Tuning

Frechet distance for the factor rho of the deepest skip, from which it rises to 1 at the outermost:

{rho}
Right digits, in percent:

{right}
## Both

Skip-Tuning with rho = 0.9 and DeepCache with branch 1, refreshed every second step:

{both}
## What it buys here, and what not

{verdict}
"""


def name_of(steps, branch=0, every=1, rho="1"):
    name = f"ddim-even-{steps}"
    if every > 1:
        name += f"-branch{branch}-every{every}"
    return name if rho == "1" else name + f"-rho{rho}"


def speeds(times):
    """(measured, ideal) speed-up by branch and interval, from medians."""
    runs = {}
    for run in times["benchmarks"]:
        if run.get("aggregate_name") == "median":
            runs[int(run["branch"]), int(run["every"])] = run["cpu_time"], run["ideal"]
    whole = runs[0, 1][0]
    return {key: (whole / time, ideal) for key, (time, ideal) in runs.items()}


def short(fast):
    """Where the measured speed-up is less than 90 % of the ideal one."""
    below = [f"branch {branch}, every {every}" for (branch, every), (measured, ideal) in sorted(fast.items())
             if branch in BRANCHES and measured < 0.9 * ideal]
    if not below:
        return "The measured one is 90 % of it or more everywhere."
    return ("It should be 90 % of it or more, and is less at " + "; ".join(below) + ": the outer layers, which every call computes,\n"
            "have few channels and many pixels, so that reading, normalising and transforming weighs more there than multiplying.")


def best_rho(found, steps):
    return min(RHO, key=lambda rho: found[name_of(steps, rho=rho)]["frechet"])


def verdict(found, fast):
    lines = []
    plain = found[name_of(50)]
    for branch in BRANCHES:
        for every in EVERY[1:]:
            cell = found.get(name_of(50, branch, every))
            if not cell:
                continue
            rivals = [s for s in (5, 10, 20, 25) if name_of(s) in found]
            slower = [s for s in rivals if 50 / s <= fast[branch, every][0]]
            rival = min(slower, default=max(rivals, default=None))
            difference, error = cells.compare(found, cell["name"], plain["name"], cells.frechet)
            text = f"- Branch {branch}, every {every}: {difference:+.3f} ± {error:.3f} against all 50 steps"
            if rival:
                other, spread = cells.compare(found, cell["name"], name_of(rival), cells.frechet)
                word = "no better or worse than" if abs(other) <= 2 * spread else "better than" if other < 0 else "**worse** than"
                text += f"; {word} {rival} whole steps, which take {'less' if 50 / rival > fast[branch, every][0] else 'no less'} time ({other:+.3f} ± {spread:.3f})"
            lines.append(text + ".")
    for steps in STEPS:
        if not all(name_of(steps, rho=rho) in found for rho in RHO):
            continue  # not measured yet
        rho = best_rho(found, steps)
        if rho == "1":
            lines.append(f"- Skip-Tuning, {steps} steps: no rho below 1 helps.")
            continue
        difference, error = cells.compare(found, name_of(steps, rho=rho), name_of(steps), cells.frechet)
        word = "within two standard errors" if abs(difference) <= 2 * error else "a gain"
        lines.append(f"- Skip-Tuning, {steps} steps: the best of these rho is {rho}, {difference:+.3f} ± {error:.3f}, {word}.")
    for steps in STEPS:
        difference, error = cells.compare(found, name_of(steps, 1, 2, "0.9"), name_of(steps), cells.frechet)
        word = "no different from" if abs(difference) <= 2 * error else "better than" if difference < 0 else "**worse** than"
        lines.append(f"- Both, {steps} steps: {word} neither ({difference:+.3f} ± {error:.3f}).")
    return "\n".join(lines)


def main(path, times, folder):
    found, fast = cells.read(path), speeds(json.loads(pathlib.Path(times).read_text()))
    cache, chart = [], charts.Chart("DeepCache, 50 steps", "speed-up of the run", "Frechet distance")
    for branch in BRANCHES:
        points = []
        for every in EVERY:
            cell = found.get(name_of(50, branch, every))
            if not cell or (every == 1 and branch > 0):
                continue
            measured, ideal = fast[branch, every]
            cache.append(f"| {'' if every == 1 else branch} | {every} | {measured:.2f} | {ideal:.2f} | {100 * measured / ideal:.0f} % | "
                         f"{cells.text(cells.frechet(cell), 3)} | {cells.text(cells.accuracy(cell), 1)} |")
            points.append((round(measured, 2), *cells.frechet(cell)))
        chart.line(f"branch {branch}", points)
    whole = [steps for steps in (50, 25, 20, 10, 5) if name_of(steps) in found]
    chart.line("fewer whole steps", [(round(50 / steps, 2), *cells.frechet(found[name_of(steps)])) for steps in whole], dashed=True)
    fewer = [f"| {steps} | {50 / steps:.1f} | {cells.text(cells.frechet(found[name_of(steps)]), 3)} | "
             f"{cells.text(cells.accuracy(found[name_of(steps)]), 1)} |" for steps in whole]
    by_rho = [(f"{steps} steps", lambda rho, steps=steps: name_of(steps, rho=rho)) for steps in STEPS]
    tuning = charts.Chart("Skip-Tuning", "rho at the bottom", "Frechet distance", y_log=True)
    for title, name in by_rho:
        tuning.line(title, [(float(rho), *cells.frechet(found[name(rho)])) for rho in RHO if name(rho) in found])
    both = [(title, name) for title, name in (
        ("neither", lambda s: name_of(s)), ("Skip-Tuning", lambda s: name_of(s, rho="0.9")),
        ("both", lambda s: name_of(s, 1, 2, "0.9")))]
    used = [cell for name, cell in found.items() if name.startswith("ddim-even")]
    page = PAGE.format(
        images=f"{sum(cell['images'] * cell['seeds'] for cell in used):,}", floor=found["real"]["frechet"],
        short=short(fast), cache="\n".join(cache), fewer="\n".join(fewer),
        rho=cells.table(found, by_rho, RHO, cells.frechet, 3, "rho", across=True),
        right=cells.table(found, by_rho, RHO, cells.accuracy, 1, "rho", max, across=True),
        both=cells.table(found, both, STEPS, cells.frechet, 3, "steps"), verdict=verdict(found, fast))
    folder = pathlib.Path(folder)
    (folder / "unet.md").write_text(page)
    (folder / "unet.svg").write_text(charts.page([chart, tuning]))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: unet.py CELLS.json TIMES.json FOLDER")
    main(*sys.argv[1:])
