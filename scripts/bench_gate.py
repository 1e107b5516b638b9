"""Times `orchestrate gate` against `orchestrate --version`, in turn, with the store in SQLite and in Postgres; medians and ratios.

The gate is open, so that all that it does is to load the project and to ask the store once. Called by scripts/bench.
"""

import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time
import urllib.parse

MIGRATIONS = 50
ROUNDS = 41
HEAD = "format: orchestrate/v1\nkind: "


def run(command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode != 0:
        sys.exit(f"{command}: {done.stdout}")
    return done.stdout


def write(folder):
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "manifests/bench").mkdir(parents=True)
    (folder / "upgrade-paths").mkdir()
    for number in range(MIGRATIONS):
        name = f"{number:04}_done"
        (folder / f"manifests/bench/{name}.yaml").write_text(
            f"{HEAD}migration\nname: {name}\nwindow: {{max: 1.0.9}}\noperations: []\n"
        )
    (folder / "upgrade-paths/bench.yaml").write_text(f"{HEAD}upgrade-path\nreleases: [{{app: 1.0.0}}, {{app: 1.1.0}}]\n")
    (folder / "orchestrate.yaml").write_text(f"{HEAD}project\nenvironments:\n  bench:\n    store: ${{BENCH_STORE}}\n")


def main():
    program, folder = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    write(folder)
    admin = os.environ["ORCHESTRATE_TEST_POSTGRES_URL"]
    database = f"bench_gate_{os.getpid()}"
    run(["psql", admin, "-qc", f"CREATE DATABASE {database}"])
    postgres = urllib.parse.urlunsplit(urllib.parse.urlsplit(admin)._replace(path=f"/{database}", query=""))
    stores = {"SQLite": f"sqlite://{folder}/state.db", "Postgres": postgres}
    gate = [program, "--project", folder, "gate", "--to", "1.1.0"]
    for store in stores.values():
        for number in range(MIGRATIONS):
            start = [program, "--project", folder, "--quiet", "start", f"{number:04}_done", "--at", "1.0.0"]
            run(start, env={**os.environ, "BENCH_STORE": store})
    commands = {"orchestrate --version": ([program, "--version"], {})}
    for name, store in stores.items():
        commands[f"orchestrate gate, {name}"] = (gate, {"BENCH_STORE": store})
    times = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, (command, env) in commands.items():
            start = time.perf_counter()
            run(command, env={**os.environ, **env})
            times[name].append(time.perf_counter() - start)
    run(["psql", admin, "-qc", f"DROP DATABASE {database}"])
    base = statistics.median(times["orchestrate --version"])
    print(f"| the gate over {MIGRATIONS} migrations | median | it / --version |")
    print("|---|---|---|")
    for name, taken in times.items():
        median = statistics.median(taken)
        print(f"| {name} | {median * 1000:.1f} ms | {median / base:.1f} |")


if __name__ == "__main__":
    main()
