"""Times the whole command against libyaml's bare events over the same files, in turn; medians and their ratio."""

import pathlib
import statistics
import subprocess
import sys
import time

import yaml

ROUNDS = 11
EVENTS = """
import pathlib, sys, yaml
for path in pathlib.Path(sys.argv[1]).rglob("*.yaml"):
    with open(path, "rb") as file:
        for event in yaml.parse(file, Loader=yaml.CLoader):
            pass
"""


def timed(command):
    start = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{command}: {done.stderr}")
    return time.perf_counter() - start


def main():
    if not yaml.__with_libyaml__:
        sys.exit("this PyYAML has no libyaml")
    program, products = sys.argv[1], pathlib.Path(sys.argv[2])
    print("| product (migrations x releases) | MB of YAML | orchestrate plan | libyaml events from Python | ratio |")
    print("|---|---|---|---|---|")
    for product in sorted(products.iterdir(), key=lambda path: int(path.name.split("x")[0])):
        last = int(product.name.split("x")[1]) - 1
        plan = [program, "--project", str(product), "plan", "--from", "1.0.0", "--to", f"1.{last}.0"]
        events = [sys.executable, "-c", EVENTS, str(product)]
        times = {"plan": [], "events": []}
        for _ in range(ROUNDS):
            times["plan"].append(timed(plan))
            times["events"].append(timed(events))
        ours, theirs = (statistics.median(times[name]) for name in ("plan", "events"))
        size = sum(path.stat().st_size for path in product.rglob("*.yaml")) / 1e6
        print(f"| {product.name} | {size:.1f} | {ours * 1000:.0f} ms | {theirs * 1000:.0f} ms | {ours / theirs:.3f} |")


if __name__ == "__main__":
    main()
