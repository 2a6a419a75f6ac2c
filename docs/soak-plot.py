"""Draws the samples of the stress scenario `soak` as an SVG: python3 docs/soak-plot.py soak.csv > docs/soak.svg"""

import csv
import sys

WIDTH, HEIGHT, LEFT, TOP, GAP = 360, 120, 60, 28, 46
WINDOW = 6  # samples over which the rate of deletions is averaged
PANELS = [
    ("sagas in the database, thousands", lambda row: float(row["sagas"]) / 1e3),
    ("sagas deleted a second", lambda row: row["rate"]),
    ("tables and indexes, MB", lambda row: (float(row["table_bytes"]) + float(row["index_bytes"])) / 1e6),
    ("the same for each saga, KB", lambda row: (float(row["table_bytes"]) + float(row["index_bytes"])) / float(row["sagas"]) / 1e3),
    ("memory of the process, MB", lambda row: float(row["process_bytes"]) / 1e6),
    ("duration of a pass, ms", lambda row: float(row["pass_ms"])),
]


def add_rates(rows):
    for row, earlier in zip(rows, rows[:1] * WINDOW + rows):
        seconds = float(row["seconds"]) - float(earlier["seconds"])
        row["rate"] = (float(row["deleted"]) - float(earlier["deleted"])) / seconds if seconds else 0.0


def panel(rows, number, title, value):
    x0 = LEFT + (number % 2) * (WIDTH + LEFT + 20)
    y0 = TOP + (number // 2) * (HEIGHT + GAP + TOP)
    minutes = [float(row["seconds"]) / 60 for row in rows]
    values = [value(row) for row in rows]
    top = max(values) * 1.1
    points = " ".join(f"{x0 + minute / minutes[-1] * WIDTH:.1f},{y0 + HEIGHT - one / top * HEIGHT:.1f}" for minute, one in zip(minutes, values))
    yield f'<text x="{x0}" y="{y0 - 8}" font-weight="bold">{title}</text>'
    yield f'<rect x="{x0}" y="{y0}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#bbb"/>'
    for part in (0, 0.5, 1):
        y = y0 + HEIGHT - part / 1.1 * HEIGHT
        yield f'<text x="{x0 - 6}" y="{y + 4:.1f}" text-anchor="end">{part * top / 1.1:.4g}</text>'
        yield f'<text x="{x0 + part * WIDTH:.1f}" y="{y0 + HEIGHT + 16}" text-anchor="middle">{part * minutes[-1]:.0f} min</text>'
    yield f'<polyline points="{points}" fill="none" stroke="#1f6feb" stroke-width="1.2"/>'


def main(path):
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    add_rates(rows)
    width, height = 2 * (WIDTH + LEFT + 20), len(PANELS) // 2 * (HEIGHT + GAP + TOP)
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">')
    print(f'<rect width="{width}" height="{height}" fill="white"/>')
    for number, (title, value) in enumerate(PANELS):
        print("\n".join(panel(rows, number, title, value)))
    print("</svg>")


main(sys.argv[1])
