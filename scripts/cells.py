"""The measured cells of docs/results/cells.json, as tables."""
import json
import math
import pathlib


def read_all(path):
    """Those of all models, by MODEL/NAME, without the "fontdigits-" that all models have in front."""
    listed = json.loads(pathlib.Path(path).read_text())["cells"]
    return {cell["model"].removeprefix("fontdigits-") + "/" + cell["name"]: cell for cell in listed}


def read(path):
    """Those of the first checkpoint, by name."""
    return {cell["name"]: cell for cell in read_all(path).values() if cell["model"] == "fontdigits-ddpm"}


def spread(numbers):
    """The standard error of the mean of a few."""
    mean = sum(numbers) / len(numbers)
    if len(numbers) < 2:
        return 0.0
    return math.sqrt(sum((x - mean) ** 2 for x in numbers) / (len(numbers) - 1) / len(numbers))


def frechet(cell):
    return cell["frechet"], spread(cell["frechet_of_seeds"])


def kernel(cell):
    return 1e3 * cell["kernel"], 1e3 * cell["kernel_standard_error"]


def accuracy(cell):
    return 100 * cell["accuracy"], 100 * spread(cell["accuracy_of_seeds"])


def bits(cell):
    return (cell["bits"], cell["bits_standard_error"]) if "bits" in cell else None


def text(measure, digits):
    """'6.51 +- 0.10', the error where there is one."""
    if measure is None:
        return ""
    value, error = measure
    return f"{value:.{digits}f}" + (f" ± {error:.{digits}f}" if error > 0 else "")


def table(cells, rows, columns, measure, digits, head, best=min, across=False):
    """Rows are (title, name of the cell for a column or None); the best of each column, or `across` each row, is bold."""
    found = {title: [cells.get(name(c)) for c in columns] for title, name in rows}
    measured = {title: [measure(cell) if cell else None for cell in row] for title, row in found.items()}
    groups = list(measured.values()) if across else [[row[k] for row in measured.values()] for k in range(len(columns))]
    winners = [best((m[0] for m in group if m), default=None) for group in groups]
    lines = ["| " + head + " | " + " | ".join(str(c) for c in columns) + " |", "|---|" + "---|" * len(columns)]
    for number, (title, row) in enumerate(measured.items()):
        shown = [f"**{text(m, digits)}**" if m and m[0] == winners[number if across else k] else text(m, digits)
                 for k, m in enumerate(row)]
        lines.append(f"| {title} | " + " | ".join(shown) + " |")
    return "\n".join(lines) + "\n"


def compare(cells, ours, theirs, measure):
    """(difference, its standard error) of two cells, ours less theirs; None if one is missing."""
    a, b = cells.get(ours), cells.get(theirs)
    if not a or not b or not measure(a) or not measure(b):
        return None
    return measure(a)[0] - measure(b)[0], math.hypot(measure(a)[1], measure(b)[1])
