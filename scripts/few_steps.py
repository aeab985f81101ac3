"""Turns measured cells into the page about few-step models: few_steps.py CELLS.json KEPT FOLDER

KEPT holds what the other programs printed: skips-MODEL.txt, times.json, few_steps.txt.
"""
import json
import pathlib
import re
import sys

import cells
import charts

STEPS = (1, 2, 4, 8, 20, 50)
SCALES = ("1", "2", "4", "8")
RHO = ("1.1", "1", "0.9", "0.8")
PHASES = (1, 2, 4, 8)
STUDENTS = ("consistency", "phased", "phased, adversarial term")

PAGE = """# Few-step models

What one to fifty evaluations of a network buy: samplers of `models/fontdigits-teacher`, and the networks that were distilled
from it, `fontdigits-consistency`, `fontdigits-phased-1` to `-8` and `fontdigits-phased-1-adversarial` to `-8-adversarial`, by
[train_digits](../training.md). This page is written by `scripts/few_steps.sh`. Each cell has 1,000 images of each of 3 seeds{fewer},
{images} in all. The Frechet distance (± standard error over seeds) is to 10,240 unseen images in a classifier's features, once both
are pixels of 8 bits; {floor:.3f} for 3,000 real ones. Digits are right if that classifier says so.

![Distance against evaluations, and guidance](few_steps.svg)

## Evaluations against quality

Frechet distance:

{distance}
Right digits, in percent:

{right}
Milliseconds for each image, 40 drawn together on two threads (a single run, so within some tenths):

{seconds}
{rows}

{goals}

{tried}

## Clipping, and whether more steps hurt

DDIM and phased networks leave the predicted data as it is, and the picture alone is clipped; the other rows clip the data at every
step, and the noise follows from the clipped data. DDIM of the official code can clip as well (`clip_sample`), but goes on in the
direction of the noise that belongs to the unclipped data: what was cut off comes back a little brighter with every step. The same
teacher, Frechet distance:

{clipping}
{teacher}

## The same seed, with more steps

A deterministic sampler shows the same picture at any number of steps, if the network learnt to jump along one trajectory. The
root mean square difference, in a range of 2, from the teacher's DDIM with 50 steps, and from the most steps of the same kind
(16 and 8), image by image:

{same}
{same_verdict}

## Guidance

The predicted data is not clipped in the first two tables. DDIM has ten steps, consistency and phased-4 four. The scale comes on top of
the 1.2 that the teacher has built in and its students learnt from it.

Right digits, in percent, against the scale:

{guided}
Pixels that lie more than a twentieth of the range outside of it, in percent:

{outside}
phased-4 was trained with its data held in range, where whatever lies beyond black is black. So its pixels are often out of range
without guidance, too, and its row does not compare with the others: before that stage it had 0.0 % at scale 1 and 9.5 % at scale 8.

Asked for no class and guided away from a digit, how often that digit is drawn, in percent (a tenth by chance):

{avoided}
Clipped at every step, DDIM keeps the direction of the unclipped data: under strong guidance that throws x back to where it was led
away from, and the digit returns.

{guidance_verdict}

## The adversarial term

{adversarial_story}

{adversarial}
{adversarial_verdict}

## Skips, and Skip-Tuning of students

The norm of a skip over that of the decoder feature that it joins, mean over connections, at times along the trajectory:

{skips}
{skips_verdict}

Frechet distance when the deepest skip is multiplied by rho (1 at the outermost):

{tuned}
{tuned_verdict}

## The best times of two steps

{times}
"""


TRIED = """The networks were trained for minutes or an hour on one core each, not for days; their cards count the images, and
[models](../../models/README.md) has the stages. What helped:

- **A near teacher.** Students of one and two phases learn from the network of twice as many, on two and four times: two of its jumps
  for one of theirs. They reached in minutes what the chain on 20 times of the teacher itself did not: 11.1 at one step, 3.40 at two.
- **Data held in range** while students are trained (`--clipped`): faint noise on black can only show as brighter. Two steps went from
  0.41 to 0.26 in 500 more steps of 16 images (noise that is cleared from black by hand takes 0.41 to 0.19), and four, in 1,500 such
  steps with the present teacher, from 0.259 to {phased_4:.3f}.
- **Guidance built into the teacher.** Before, 97.2 % of the digits of its DDIM with 50 steps were right and the distance was 0.117; now
  {teacher_right:.1f} % and {teacher_50:.3f}. It had learnt the class too little at every noisy level: guidance of scale 2 in one interval of
  sigma / alpha alone, DDIM with 20 steps, 1,000 images, made 98.3 % right (0.4 to 1), 98.7 % (1 to 2), 99.4 % (2 to 5) or 99.2 % (above 5)
  of 97.4 %. Scale 1.2 everywhere brought the images nearer to the data, too, and guidance-free training
  ([2501.15420](https://arxiv.org/abs/2501.15420)) made that scale the network's own, at one evaluation.

What did not help: Heun's steps of the teacher on eight times for phased-4 (0.27 became 0.85 to 1.1 and stayed there), and 2,600 more
steps of the consistency model on 20 times (one step 1.05 instead of 0.93)."""
ADVERSARIAL = """Both kinds went on from the same networks, with `--clipped` and the same times; the discriminator takes images of the data for real
(`--adversarial-real data`) and learns at every step of the student. The last stage had the present teacher, or the network of its own
kind with twice as many phases. After the last network that a pair has in common, those without the term made 400, 800, 1,500 and
600 steps of 16 images (one phase to eight), those with it 1,800, 2,300, 1,900 and 650, most of them with the earlier teacher, so
the pairs are near controls of each other and not exact ones. The distance is to unseen faces, not to the images that the
discriminator saw."""


def plain(name):
    return lambda steps: f"teacher/{name}-{steps}"


ROWS = (
    ("DDIM", lambda steps: f"teacher/ddim-trailing-{steps}-unclipped"),
    ("DPM-Solver++ 2M", plain("dpm-solver++-trailing")),
    ("UniPC", plain("unipc-trailing")),
    ("Analytic-DPM, optimal path", plain("analytic-ddpm-optimal")),
    ("DDIM with DeepCache", lambda steps: f"teacher/ddim-trailing-{steps}-branch1-every2-unclipped"),
    ("DDIM with Skip-Tuning", lambda steps: f"teacher/ddim-trailing-{steps}-rho0.9-unclipped"),
    ("consistency", lambda steps: f"consistency/consistency-{steps}"),
    ("phased", lambda steps: f"phased-{steps}/phased-{steps}-unclipped"),
    ("phased, adversarial term", lambda steps: f"phased-{steps}-adversarial/phased-{steps}-unclipped"),
)
CLIPPED = ("DDIM, clipped at every step", plain("ddim-trailing"))
GUIDED = (
    ("DDIM, 10 steps", "teacher/ddim-trailing-10"),
    ("consistency, 4 steps", "consistency/consistency-4"),
    ("phased-4", "phased-4/phased-4"),
)


def away_unclipped(scale):
    """DDIM guided away, its data left as predicted."""
    return guided("teacher/ddim-trailing-10", scale, "-avoided-unclipped")


def guided(name, scale, end):
    return name + ("" if scale == "1" else f"-guided{float(scale)}") + end


def outside(cell):
    return 100 * cell["outside"], 0


def wrong(cell):
    right, error = cells.accuracy(cell)
    return 100 - right, error


def goals(found):
    """One-step at or below DDIM's 10, two at or below 20, four at or below 50."""
    lines = []
    for few, many in ((1, 10), (2, 20), (4, 50)):
        rivals = {title: found.get(name(few)) for title, name in ROWS if title in STUDENTS}
        best = min((c["frechet"], title) for title, c in rivals.items() if c)
        name = next(name(few) for title, name in ROWS if title == best[1])
        verdicts = []
        for how, row in (("", ROWS[0]), ("that clips at every step ", CLIPPED)):
            difference, error = cells.compare(found, name, row[1](many), cells.frechet)
            verdicts.append(f"{'reached' if difference <= 0 else '**missed**'} against DDIM {how}({found[row[1](many)]['frechet']:.3f}: "
                            f"{difference:+.3f} ± {error:.3f})")
        without = f" ({rivals[STUDENTS[1]]['frechet']:.3f} without it)" if best[1] == STUDENTS[2] else ""
        lines.append(f"- {few} step{'s' if few > 1 else ''} at or below DDIM with {many}: {best[0]:.3f} by {best[1]}{without}, {', '.join(verdicts)}.")
    return "\n".join(lines)


def teacher(found):
    """Whether more steps of it still hurt."""
    lines = []
    for title, name in (*ROWS[:3], CLIPPED):
        many, few = found[name(50)], found[name(20)]
        if many["seeds"] != few["seeds"]:  # distances of sets of other sizes do not compare
            moved = many["frechet_of_seeds"][0] - few["frechet_of_seeds"][0]
            lines.append(f"{title} {moved:+.3f} with one seed")
            continue
        moved, error = cells.compare(found, name(50), name(20), cells.frechet)
        word = "no different" if abs(moved) <= 2 * error else "better" if moved < 0 else "**worse**"
        lines.append(f"{title} {word} ({moved:+.3f} ± {error:.3f})")
    right = 100 * found[ROWS[0][1](50)]["accuracy"]
    return (f"From 20 steps to 50: {'; '.join(lines)}. Of DDIM's digits with 50 steps {right:.1f} % are right, "
            f"{'as' if right >= 98.5 else 'where'} 98.5 % were wanted.")


def tried(found):
    """What was tried, with the figures of the networks as they are."""
    fifty = found[ROWS[0][1](50)]
    return TRIED.format(phased_4=found["phased-4/phased-4-unclipped"]["frechet"], teacher_right=100 * fifty["accuracy"],
                        teacher_50=fifty["frechet"])


def fewer(used):
    """Which part of the cells has one seed."""
    ones = sum(c["seeds"] == 1 for c in used)
    return f" ({ones} of the {len(used)} cells have one seed, and a distance some hundredths larger)" if ones else ""


def best_rows(found):
    lines = []
    for steps in STEPS:
        measured = sorted((found[name(steps)]["frechet"], title) for title, name in ROWS if found.get(name(steps)))
        lines.append(f"{steps}: {measured[0][1]}")
    return "The best of each column is bold. By evaluations: " + "; ".join(lines) + "."


def seconds(text):
    """The table that the program few_steps printed, with the times alone."""
    rows = [[part.strip() for part in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| ")]
    lines = ["| " + " | ".join(rows[0]) + " |", "|---|" + "---|" * len(STEPS)]
    lines += [f"| {title} | " + " | ".join(part.split(" ms")[0] for part in parts) + " |" for title, *parts in rows[1:]]
    return "\n".join(lines) + "\n"


def distances(cell):
    """By the cell that it was compared with, (mean, standard error)."""
    return {near.removeprefix("fontdigits-"): (sum(d) / len(d), cells.spread(d))
            for near, d in zip(cell.get("near", ()), cell.get("distances", ()))}


def same(found):
    lines = ["| | steps | from the teacher's 50 | from the most |", "|---|---|---|---|"]
    kinds = [("consistency, fresh noise", lambda s: f"consistency/consistency-{s}", (1, 2, 4, 8, 16), "consistency/consistency-16"),
             ("phased, deterministic", lambda s: f"phased-{s}/phased-{s}-unclipped", PHASES, "phased-8/phased-8-unclipped"),
             ("phased, adversarial term", lambda s: f"phased-{s}-adversarial/phased-{s}-unclipped", PHASES, "phased-8/phased-8-unclipped"),
             ("phased-8 on 16 steps", lambda s: f"phased-8/phased-{s}-unclipped", (16,), None),
             ("phased, fresh noise", lambda s: f"phased-{s}/phased-{s}-eta1.0-unclipped", (2, 4, 8), "phased-8/phased-8-unclipped")]
    for title, name, steps, most in kinds:
        for count in steps:
            cell = found.get(name(count))
            if not cell:
                continue
            by = distances(cell)
            own = by.get(most) if most and most != name(count) else None
            lines.append(f"| {title} | {count} | {cells.text(by.get('teacher/ddim-trailing-50-unclipped'), 3)} | {cells.text(own, 3)} |")
    return "\n".join(lines) + "\n"


def same_verdict(found):
    def teacher_of(name):
        return distances(found[name])["teacher/ddim-trailing-50-unclipped"][0]
    phased = [teacher_of(f"phased-{m}/phased-{m}-unclipped") for m in PHASES]
    fresh = [teacher_of(f"consistency/consistency-{s}") for s in (1, 2, 4, 8, 16)]
    falls = all(a > b for a, b in zip(phased, phased[1:]))
    return (f"With its phases, a phased network {'comes nearer to' if falls else 'does not steadily come nearer to'} what the teacher draws from "
            f"the same start ({phased[0]:.2f} at one step, {phased[-1]:.2f} at eight); the consistency model, whose every step draws fresh noise, "
            f"goes {'further away' if fresh[-1] > fresh[0] else 'nearer'} ({fresh[0]:.2f} at one step, {fresh[-1]:.2f} at sixteen).")


def guidance_verdict(found):
    lines = []
    for title, name in GUIDED:
        right = {s: found[guided(name, s, "-unclipped")]["accuracy"] for s in SCALES}
        far = {s: found[guided(name, s, "-unclipped")]["outside"] for s in SCALES}
        away = {s: found[guided(name, s, "-avoided")]["accuracy"] for s in SCALES}
        best = max(SCALES, key=lambda s: right[s])
        least = min(SCALES, key=lambda s: away[s])
        lines.append(f"- {title}: most right digits at scale {best} ({100 * right[best]:.1f} %); at scale 8 {100 * far['8']:.1f} % of the pixels are out of "
                     f"range, {100 * far['1']:.1f} % without guidance; the negative class is drawn least at {least} "
                     f"({100 * away[least]:.1f} %, {100 * away['1']:.1f} % without).")
    return "\n".join(lines)


def adversarial(found):
    lines = ["| steps | without: Frechet distance | right, % | with: Frechet distance | right, % |", "|---|---|---|---|---|"]
    for m in PHASES:
        parts = [str(m)]
        for model in (f"phased-{m}", f"phased-{m}-adversarial"):
            cell = found.get(f"{model}/phased-{m}-unclipped")
            parts += [cells.text(cells.frechet(cell), 3), cells.text(cells.accuracy(cell), 1)] if cell else ["", ""]
        lines.append("| " + " | ".join(parts) + " |")
    return "\n".join(lines) + "\n"


def adversarial_verdict(found):
    lines = []
    for m in PHASES:
        moved = cells.compare(found, f"phased-{m}-adversarial/phased-{m}-unclipped", f"phased-{m}/phased-{m}-unclipped", cells.frechet)
        if moved:
            word = "makes no difference" if abs(moved[0]) <= 2 * moved[1] else "helps" if moved[0] < 0 else "**hurts**"
            lines.append(f"At {m} step{'s' if m > 1 else ''} the term {word} ({moved[0]:+.3f} ± {moved[1]:.3f}).")
    return " ".join(lines)


def skip_means(kept):
    """By model, {time: mean ratio}."""
    found = {}
    for path in sorted(pathlib.Path(kept).glob("skips-*.txt")):
        lines = path.read_text().splitlines()
        times = re.findall(r"t = (\d+)", lines[0])
        found[path.stem.removeprefix("skips-")] = dict(zip(times, map(float, lines[-1].split()[1:])))
    return found


def skips(means):
    order = [m for m in ("teacher", "consistency", "phased-8", "phased-4", "phased-2", "phased-1") if m in means]
    times = list(means[order[0]])
    lines = ["| t | " + " | ".join(times) + " |", "|---|" + "---|" * len(times)]
    lines += [f"| {m} | " + " | ".join(f"{means[m][t]:.2f}" for t in times) + " |" for m in order]
    return "\n".join(lines) + "\n"


def skips_verdict(means):
    first = next(iter(means["teacher"]))
    parts = []
    for model in ("consistency", "phased-1"):
        ratio = means[model][first] / means["teacher"][first]
        parts.append(f"{ratio:.2f} times the teacher's in {model}")
    return (f"The Skip-Tuning paper found that distillation weakens the skips. Here, at t = {first}, they are " + " and ".join(parts) + ".")


def tuned(found):
    rows = []
    for steps in (1, 2):
        for title, name, end in (("consistency", f"consistency/consistency-{steps}", ""), (f"phased-{steps}", f"phased-{steps}/phased-{steps}", "-unclipped")):
            rows.append((f"{title}, {steps} step{'s' if steps > 1 else ''}",
                         lambda rho, name=name, end=end: name + ("" if rho == "1" else f"-rho{rho}") + end))
    return rows, cells.table(found, rows, RHO, cells.frechet, 3, "rho", across=True)


def tuned_verdict(found, rows):
    lines = []
    for title, name in rows:
        best = min((rho for rho in RHO if found.get(name(rho))), key=lambda rho: found[name(rho)]["frechet"])
        if best == "1":
            lines.append(f"{title}: no other rho helps")
        else:
            moved, error = cells.compare(found, name(best), name("1"), cells.frechet)
            word = "is best" if abs(moved) > 2 * error else "is lowest, within the error"
            lines.append(f"{title}: {best} {word} ({moved:+.3f} ± {error:.3f})")
    return "; ".join(lines) + "."


def times(search, found):
    tried = "; ".join(f"{', '.join(f'{t:g}' for t in one['times'])}: {one['frechet']:.3f}" for one in search["tried"])
    first, second = search["times"]
    plain_cell = found["consistency/consistency-2"]
    return (f"The greedy ternary search of the consistency paper (`fewstep::search_times`, by the program `search_times`), over the "
            f"distance of {search['images']:,} images of one seed, finds {first:g} and {second:g} with {search['frechet']:.3f}. The rule of LCM "
            f"takes 999 and 499, {plain_cell['frechet_of_seeds'][0]:.3f} with the same seed. It tried\n\n{tried}.\n\n"
            f"Sets of 1,000 images have a larger distance than the 3,000 of the tables above.")


def main(path, kept, folder):
    found, kept, folder = cells.read_all(path), pathlib.Path(kept), pathlib.Path(folder)
    used = [c for name, c in found.items() if not name.startswith("ddpm/")]
    means = skip_means(kept)
    tuned_rows, tuned_table = tuned(found)

    def by_scale(end):
        return [(title, lambda scale, name=name: guided(name, scale, end)) for title, name in GUIDED]

    page = PAGE.format(
        images=f"{sum(c['images'] * c['seeds'] for c in used):,}", floor=found["ddpm/real"]["frechet"], teacher=teacher(found),
        fewer=fewer(used), tried=tried(found), adversarial_story=ADVERSARIAL, clipping=cells.table(found, (ROWS[0], CLIPPED), STEPS, cells.frechet, 3, "evaluations"),
        distance=cells.table(found, ROWS, STEPS, cells.frechet, 3, "evaluations"),
        right=cells.table(found, ROWS, STEPS, cells.accuracy, 1, "evaluations", max),
        seconds=seconds((kept / "few_steps.txt").read_text()), rows=best_rows(found), goals=goals(found), same=same(found),
        same_verdict=same_verdict(found),
        guided=cells.table(found, by_scale("-unclipped"), SCALES, cells.accuracy, 1, "scale", max, across=True),
        outside=cells.table(found, by_scale("-unclipped"), SCALES, outside, 1, "scale", across=True),
        avoided=cells.table(found, by_scale("-avoided") + [("DDIM, not clipped", away_unclipped)], SCALES, cells.accuracy, 1, "scale", across=True),
        guidance_verdict=guidance_verdict(found), adversarial=adversarial(found), adversarial_verdict=adversarial_verdict(found),
        skips=skips(means), skips_verdict=skips_verdict(means), tuned=tuned_table, tuned_verdict=tuned_verdict(found, tuned_rows),
        times=times(json.loads((kept / "times.json").read_text()), found))

    quality = charts.Chart("Few steps", "evaluations of the network", "Frechet distance", x_log=True, y_log=True)
    for title, name in ROWS:
        quality.line(title, [(steps, *cells.frechet(found[name(steps)])) for steps in STEPS if found.get(name(steps))],
                     dashed=title not in STUDENTS)
    quality.level("real images", found["ddpm/real"]["frechet"])
    panels = [quality]
    for title, end, measure in (("Guidance: wrong digits, %", "-unclipped", wrong),
                                ("Guidance: pixels out of range, %", "-unclipped", outside),
                                ("Guidance away from a digit: that digit, %", "-avoided", cells.accuracy)):
        panel = charts.Chart(title, "scale", "%")
        for row, name in by_scale(end):
            panel.line(row, [(float(s), *measure(found[name(s)])) for s in SCALES if found.get(name(s))])
        if end == "-avoided":
            panel.line("DDIM, not clipped", [(float(s), *measure(found[away_unclipped(s)])) for s in SCALES], dashed=True)
        panels.append(panel)
    (folder / "few_steps.md").write_text(page)
    (folder / "few_steps.svg").write_text(charts.page(panels, 2))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: few_steps.py CELLS.json KEPT FOLDER")
    main(*sys.argv[1:])
