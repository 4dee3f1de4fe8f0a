"""Results as a table in Markdown, and as a picture."""
import html
import statistics

from workloads import METRICS


def number(value):
    if value >= 100:
        return "{:,.0f}".format(value)
    return "%.1f" % value if value >= 10 else "%.2f" % value


class Results:
    """Values by metric and system, one for each round."""

    def __init__(self):
        self.values, self.cpu, self.systems = {}, {}, {}

    def add(self, system, metric, value, sample):
        self.values.setdefault((metric, system), []).append(value)
        if sample:
            self.cpu.setdefault((metric, system), []).append(sample.cpu["client"] + sample.cpu["server"])

    def median(self, metric, system):
        values = self.values.get((metric, system))
        return statistics.median(values) if values else None

    def cpu_median(self, metric, system):
        values = self.cpu.get((metric, system))
        return statistics.median(values) if values else None

    def metrics(self):
        return [metric for metric in METRICS.values() if any((metric.name, system) in self.values for system in self.systems)]

    def as_json(self):
        rows = []
        for metric in self.metrics():
            for system in self.systems:
                values = self.values.get((metric.name, system))
                if values:
                    rows.append({"metric": metric.name, "unit": metric.unit, "system": system, "median": statistics.median(values),
                                 "values": values, "cpu_seconds": self.cpu_median(metric.name, system)})
        return {"systems": self.systems, "results": rows}


def markdown(results):
    names = list(results.systems)
    lines = ["| | unit | " + " | ".join(names) + " |", "|---|---|" + "---:|" * len(names)]
    for metric in results.metrics():
        cells = []
        for name in names:
            value, cpu = results.median(metric.name, name), results.cpu_median(metric.name, name)
            cells.append("" if value is None else number(value) + (" (%s s CPU)" % number(cpu) if cpu and name != "ext4" else ""))
        lines.append("| %s | %s | %s |" % (metric.title, metric.unit, " | ".join(cells)))
    return "\n".join(lines) + "\n"


COLOURS = {"lacefs": "#1b6ac9", "moosefs": "#c98b1b", "ext4": "#9aa3ad", "passthrough": "#c9ced4"}
LABEL_WIDTH, BAR_WIDTH, BAR_HEIGHT, GAP = 290, 430, 13, 12


def picture(results):
    """SVG: for each metric a bar per system; the longest bar is the slowest, so shorter is better throughout."""
    names = [name for name in results.systems]
    metrics = [metric for metric in results.metrics() if metric.unit not in ("MiB", "KiB")]
    parts, y = [], 46
    for place, name in enumerate(names):
        x = 10 + place * 130
        parts.append('<rect x="%d" y="12" width="12" height="12" fill="%s"/>' % (x, COLOURS.get(name, "#666")))
        parts.append('<text x="%d" y="23">%s</text>' % (x + 18, html.escape(name)))
    parts.append('<text x="%d" y="23" fill="#666">time for the same work: shorter is better</text>' % (10 + len(names) * 130))
    for metric in metrics:
        values = {name: results.median(metric.name, name) for name in names}
        costs = {name: (1 / value if metric.more_is_better else value) for name, value in values.items() if value}
        longest = max(costs.values())
        height = BAR_HEIGHT * len(costs)
        parts.append('<text x="10" y="%d">%s</text>' % (y + height / 2 + 4, html.escape(metric.title)))
        for name in costs:
            width = max(1.5, costs[name] / longest * BAR_WIDTH)
            parts.append('<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>' % (LABEL_WIDTH, y, width, BAR_HEIGHT - 2,
                                                                                     COLOURS.get(name, "#666")))
            parts.append('<text x="%.1f" y="%d" font-size="10" fill="#444">%s %s</text>' % (
                LABEL_WIDTH + width + 5, y + 9, number(values[name]), metric.unit))
            y += BAR_HEIGHT
        y += GAP
    head = '<svg xmlns="http://www.w3.org/2000/svg" width="860" height="%d" font-family="sans-serif" font-size="12">' % y
    return "\n".join([head, '<rect width="100%" height="100%" fill="white"/>', *parts, "</svg>"]) + "\n"
