"""Line charts as SVG, for the pages in docs/results."""
import math

COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#777777", "#e69f00", "#222222")


def ticks(low, high):
    """Round numbers between two bounds, five or so."""
    step = 10.0 ** math.floor(math.log10((high - low) / 4))
    step *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= 6)
    first = math.ceil(low / step - 1e-9)
    return [step * k for k in range(first, math.floor(high / step + 1e-9) + 1)]


class Chart:
    """Lines over one panel. Axes are linear, or logarithmic where told; `lines` are
    (name, [(x, y, error)], dashed)."""

    def __init__(self, title, x_label, y_label, x_log=False, y_log=False):
        self.title, self.x_label, self.y_label = title, x_label, y_label
        self.x_log, self.y_log = x_log, y_log
        self.lines, self.levels = [], []

    def line(self, name, points, dashed=False):
        """One without points is not drawn, but keeps its colour."""
        self.lines.append((name, [tuple(p) + (0,) * (3 - len(p)) for p in points], dashed))

    def level(self, name, y):
        self.levels.append((name, y))

    def draw(self, left, top, width, height):
        xs = [p[0] for _, points, _ in self.lines for p in points]
        ys = [p[1] for _, points, _ in self.lines for p in points] + [y for _, y in self.levels]
        on_x = math.log if self.x_log else float
        on_y = math.log if self.y_log else float
        low_y, high_y = (min(ys), max(ys)) if self.y_log else (min(0, min(ys)), max(ys))
        spread_x, spread_y = on_x(max(xs)) - on_x(min(xs)) or 1, on_y(high_y) - on_y(low_y) or 1
        at_x = lambda x: left + width * (on_x(x) - on_x(min(xs))) / spread_x
        at_y = lambda y: top + height * (1 - (on_y(y) - on_y(low_y)) / spread_y / 1.05)
        out = [f'<text x="{left}" y="{top - 12}" font-size="14" font-weight="bold">{self.title}</text>']
        for y in self.y_ticks(low_y, high_y):
            out.append(f'<path d="M{left} {at_y(y):.1f}h{width}" stroke="#ddd" fill="none"/>'
                       f'<text x="{left - 6}" y="{at_y(y) + 4:.1f}" text-anchor="end">{y:g}</text>')
        for x in sorted(set(xs)) if self.x_log else ticks(min(xs), max(xs)):
            out.append(f'<text x="{at_x(x):.1f}" y="{top + height + 16}" text-anchor="middle">{x:g}</text>')
        out.append(f'<text x="{left + width / 2}" y="{top + height + 34}" text-anchor="middle">{self.x_label}</text>')
        out.append(f'<text transform="translate({left - 44} {top + height / 2}) rotate(-90)" text-anchor="middle">'
                   f'{self.y_label}</text>')
        for name, y in self.levels:
            out.append(f'<path d="M{left} {at_y(y):.1f}h{width}" stroke="#555" stroke-dasharray="2 3"/>'
                       f'<text x="{left + width}" y="{at_y(y) - 4:.1f}" text-anchor="end" fill="#555">{name}</text>')
        drawn = [(COLOURS[k % len(COLOURS)], *line) for k, line in enumerate(self.lines) if line[1]]
        for k, (colour, name, points, dashed) in enumerate(drawn):
            path = " ".join(f"{at_x(x):.1f},{at_y(y):.1f}" for x, y, _ in points)
            dash = ' stroke-dasharray="6 4"' if dashed else ""
            out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.8"{dash}/>')
            for x, y, error in points:
                out.append(f'<circle cx="{at_x(x):.1f}" cy="{at_y(y):.1f}" r="2.5" fill="{colour}"/>')
                if error > 0:
                    ends = at_y(max(y - error, low_y)), at_y(y + error)
                    out.append(f'<path d="M{at_x(x):.1f} {ends[0]:.1f}V{ends[1]:.1f}" stroke="{colour}"/>')
            y = top + 8 + 18 * k
            out.append(f'<path d="M{left + width + 14} {y}h22" stroke="{colour}" stroke-width="3"{dash}/>'
                       f'<text x="{left + width + 42}" y="{y + 4}">{name}</text>')
        return out

    def y_ticks(self, low, high):
        if not self.y_log:
            return ticks(low, high)
        steps = [m * 10.0**p for p in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1) for m in (1, 2, 5)]
        return [y for y in steps if low <= y <= high]


def page(charts, columns=1, width=420, height=260, legend=190):
    """One SVG of several charts."""
    cell_x, cell_y = 70 + width + legend, height + 90
    rows = (len(charts) + columns - 1) // columns
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {cell_x * columns + 10} {cell_y * rows + 10}" '
           'font-family="sans-serif" font-size="12">', '<rect width="100%" height="100%" fill="#fff"/>']
    for k, chart in enumerate(charts):
        out += chart.draw(70 + k % columns * cell_x, 40 + k // columns * cell_y, width, height)
    return "\n".join(out + ["</svg>"]) + "\n"
