"""Times 300 small migrations on Postgres: dbmate, `sqlx migrate run`, and one migration of 300 operations, in turn.

Each round has a database of its own. Prints a table of medians and ratios. Called by scripts/bench.
"""

import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time
import urllib.parse

COUNT = 300
ROUNDS = 5


def run(command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode != 0:
        sys.exit(f"{command}: {done.stdout}")
    return done.stdout


def statement(number):
    return f"CREATE TABLE t_{number:04} (id bigint PRIMARY KEY, name text NOT NULL);"


def write(folder):
    dbmate, sqlx, ours = folder / "dbmate", folder / "sqlx", folder / "orchestrate"
    for path in (dbmate, sqlx, ours / "manifests/bench", ours / "upgrade-paths"):
        path.mkdir(parents=True)
    operations = []
    for number in range(1, COUNT + 1):
        sql = statement(number)
        (dbmate / f"{number:014}_t.sql").write_text(f"-- migrate:up\n{sql}\n-- migrate:down\nDROP TABLE t_{number:04};\n")
        (sqlx / f"{number:014}_t.sql").write_text(f"{sql}\n")
        operations.append(f"  - {{name: t-{number}, target: db, sql: '{sql}', undo: 'DROP TABLE t_{number:04}'}}\n")
    head = "format: orchestrate/v1\nkind: "
    (ours / "manifests/bench/0001_tables.yaml").write_text(
        f"{head}migration\nname: 0001_tables\noperations:\n{''.join(operations)}"
    )
    (ours / "upgrade-paths/bench.yaml").write_text(f"{head}upgrade-path\nreleases: [{{app: 1.0.0}}]\n")
    (ours / "orchestrate.yaml").write_text(
        f"{head}project\nenvironments:\n  bench:\n    store: ${{BENCH_URL}}\n    targets: {{db: {{url: '${{BENCH_URL}}'}}}}\n"
    )
    return dbmate, sqlx, ours


def main():
    program, dbmate, sqlx, folder = sys.argv[1:]
    folder = pathlib.Path(folder)
    shutil.rmtree(folder, ignore_errors=True)
    files = write(folder)
    admin = os.environ["ORCHESTRATE_TEST_POSTGRES_URL"]
    parts = urllib.parse.urlsplit(admin)
    commands = {
        "dbmate": lambda url: [dbmate, "--url", f"{url}?sslmode=disable", "--migrations-dir", files[0], "--no-dump-schema", "migrate"],
        "sqlx migrate": lambda url: [sqlx, "migrate", "run", "--database-url", url, "--source", files[1]],
        "orchestrate": lambda url: [program, "--project", files[2], "--quiet", "start", "0001_tables"],
    }
    times = {name: [] for name in commands}
    for round_ in range(ROUNDS):
        for name, command in commands.items():
            database = f"bench_{os.getpid()}_{round_}_{name.split()[0]}"
            run(["psql", admin, "-qc", f"CREATE DATABASE {database}"])
            url = urllib.parse.urlunsplit(parts._replace(path=f"/{database}", query=""))
            start = time.perf_counter()
            run(command(url), env={**os.environ, "BENCH_URL": url})
            times[name].append(time.perf_counter() - start)
            tables = run(["psql", url, "-Atc", "SELECT count(*) FROM pg_tables WHERE tablename LIKE 't\\_%'"]).strip()
            if tables != str(COUNT):
                sys.exit(f"{name} made {tables} tables")
            run(["psql", admin, "-qc", f"DROP DATABASE {database}"])
    print(f"| {COUNT} small migrations on Postgres | median | orchestrate / it |")
    print("|---|---|---|")
    ours = statistics.median(times["orchestrate"])
    for name, taken in times.items():
        median = statistics.median(taken)
        print(f"| {name} | {median * 1000:.0f} ms | {ours / median:.2f} |")


if __name__ == "__main__":
    main()
