"""Turns the output of benchmark_unet_torch into a page: engine.py RESULTS.json FOLDER"""
import json
import pathlib
import platform
import re
import statistics
import sys

NETWORKS = {
    "large": ("google/ddpm-cifar10-32", "128, 256, 256, 256 channels, two layers a block, attention at 16x16: "
              "35.7 M parameters, 6.05 G multiply-adds an image"),
    "small": ("models/fontdigits-ddpm", "24, 48, 96 channels, one layer a block, attention at 8x8: 1.5 M parameters, 0.2 G multiply-adds an image"),
}
TORCH = {"torch": "channel by channel", "torch channels_last": "channels last"}

PAGE = """# The U-Net engine beside PyTorch

One evaluation of a U-Net on images of 32 x 32, by this library's engine and by PyTorch on the processor: the same
architecture, written as a LibTorch module (`examples/support/unet2d_torch.hpp`), and the same random weights, in one
program. The outputs are checked first: they differ by at most {error:.0e} of the largest number. This page is written by
`scripts/engine.sh`, which runs `benchmark_unet_torch`.

- **Time** is the median of {repetitions} runs of each, taken in random turns. With one thread it is the processor's time, which
  what else the machine does hardly changes; with two it is the time of the clock.{busy}
- **Ratio** is PyTorch's time over ours, each with the same number of threads. Above 1 we are faster.
- **PyTorch** has the form that is faster for it, of two: images channel by channel, or `channels_last`, which the table names.
  It runs in inference mode, reuses memory where it can, and has OpenBLAS beside oneDNN.
- **GFLOP/s** counts two operations for each multiply-add of direct convolutions, whatever is really done: Winograd's
  filtering does fewer, so it may exceed what the processor can do. A product of matrices of 1024 rows reaches
  {peaks} (OpenBLAS).
- **Memory** is what an evaluation takes at its peak besides the weights. Weights take
  {weights}.

{tables}
{verdict}

{machine}.
"""


BUSY = """ The machine was busy when this
  page was written (load {load:.0f}): two threads seldom ran side by side, so they have no rows here; PyTorch, whose threads wait
  by spinning, would look worse than it is."""


def medians(runs):
    """Median times in seconds and the counters, by (way, network, batch, threads)."""
    all_runs = {}
    for run in runs:
        if run["run_type"] == "iteration" and not run.get("error_occurred"):
            name = run["name"].split("/process_time")[0]
            all_runs.setdefault(name, []).append(run)
    out = {}
    for name, same in all_runs.items():
        time = "cpu_time" if same[0]["threads"] == 1 else "real_time"
        counters = {key: same[0].get(key) for key in ("GFLOP", "weights_MB", "error")}
        out[name] = {"seconds": statistics.median(run[time] for run in same) / 1e3, "count": len(same),
                     "peak_MB": max(run.get("peak_MB", 0) for run in same), **counters}
    return out


def table(found, network, most_threads):
    title, text = NETWORKS[network]
    lines = [f"## {title}", "", f"{text[0].upper()}{text[1:]}.", "",
             "| batch | threads | PyTorch | ours | ratio | GFLOP/s PyTorch | ours | memory PyTorch | ours |",
             "|---|---|---|---|---|---|---|---|---|"]
    ratios = []
    for name in sorted(found, key=lambda name: [int(number) for number in re.findall(r"\d+", name)]):
        ours = found[name]
        way, *rest = name.split("/")
        if way != "ours" or rest[0] != network or int(rest[2]) > most_threads:
            continue
        place = "/".join(rest)
        form = min(TORCH, key=lambda form: found[f"{form}/{place}"]["seconds"])
        torch = found[f"{form}/{place}"]
        ratio = torch["seconds"] / ours["seconds"]
        ratios.append((ratio, rest[1], rest[2]))
        speed = lambda run: f"{run['GFLOP'] / run['seconds']:.0f}"
        lines.append(f"| {rest[1]} | {rest[2]} | {1e3 * torch['seconds']:.4g} ms, {TORCH[form]} | {1e3 * ours['seconds']:.4g} ms "
                     f"| **{ratio:.2f}** | {speed(torch)} | {speed(ours)} "
                     f"| {torch['peak_MB']:.3g} MB | {ours['peak_MB']:.3g} MB |")
    return "\n".join(lines) + "\n", ratios


def main(results, folder):
    content = json.loads(pathlib.Path(results).read_text())
    context = content["context"]
    found = medians(content["benchmarks"])
    load = context["load_avg"][0]
    most_threads = 1 if load > 1 else context["num_cpus"]
    tables, ratios = [], []
    for network in NETWORKS:
        text, of_network = table(found, network, most_threads)
        tables.append(text)
        ratios += [(ratio, network, batch, threads) for ratio, batch, threads in of_network]
    behind = [f"{NETWORKS[network][0]}, batch {batch}, {threads} threads: {ratio:.2f}"
              for ratio, network, batch, threads in sorted(ratios) if ratio < 1]
    low, high = min(ratios)[0], max(ratios)[0]
    verdict = f"The ratio is {low:.1f} to {high:.1f}. " + (
        "PyTorch is faster here: " + "; ".join(behind) + "." if behind else "PyTorch is faster nowhere in this table.")
    peaks = [f"{run['GFLOP'] / run['seconds']:.0f} with {name.split('/')[1]} thread{'s' if name[-1] != '1' else ''}"
             for name, run in found.items() if name == "product of matrices/1"]
    weights = [f"{found[f'ours/{network}/1/1']['weights_MB']:.3g} MB in the {network} network, in PyTorch "
               f"{found[f'torch/{network}/1/1']['weights_MB']:.3g} MB"
               for network in NETWORKS]
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    page = PAGE.format(
        busy=BUSY.format(load=load) if most_threads == 1 else "",
        error=max(run["error"] for run in found.values() if run["error"] is not None),
        repetitions=min(run["count"] for run in found.values()),
        peaks=" and ".join(peaks), weights="; ".join(weights), tables="\n".join(tables), verdict=verdict,
        machine=f"Measured on {model[1] if model else platform.machine()}, {context['num_cpus']} cores")
    (pathlib.Path(folder) / "engine.md").write_text(page)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: engine.py RESULTS.json FOLDER")
    main(*sys.argv[1:])
