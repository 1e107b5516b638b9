"""Times `copy` and `backfill` against plain SQL over the same data: one statement, and loops of batches by hand.

    scripts/servers run -- python3 scripts/bench_move.py target/release/orchestrate target/bench/move [clickhouse] [postgres] [sqlite]
        --plain           only the plain sides
        --rounds N        rounds, 3 unless said otherwise
        --write PAGE      puts the tables into the page, between its lines `<!-- bench_move -->` and `<!-- /bench_move -->`

Every side starts from equal data that was read through once, with nothing left to write and no merges; each round takes the sides in another order.
What counts for orchestrate is its whole command, with a new store on SQLite. The end of every side is compared with what it must be.
Tables go to stdout, each measurement to stderr. Called by scripts/bench.
"""

import argparse
import base64
import datetime
import json
import os
import pathlib
import shutil
import sqlite3
import statistics
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

TARGET_MS = 1000
BATCHES = (1_000, 5_000, 20_000, 50_000, 100_000, 200_000, 500_000)
HOPELESS = 2
SERVERS = {"current engine": "ORCHESTRATE_TEST_CLICKHOUSE_URL", "18.16.1": "ORCHESTRATE_TEST_CLICKHOUSE_OLD_URL"}
PLAIN = "one `INSERT … SELECT`"
PARTITIONS, PARTITION_ROWS = 20, 1_000_000
ITEMS = 2_000_000
DATABASE = "bench_move"
# The environments: where the events are, and where the items are.
EVENTS_PLACE, ITEMS_PLACE = "events", "items"
# The migrations that are measured.
COPIES = {"copy_one": (1, "count"), "copy_two": (2, "count"), "copy_checksum": (2, "checksum")}
COPY = "copy: {from: events_old, to: events, by: partition, parallel: %d, verify: %s}"
WORK = {name: COPY % how for name, how in COPIES.items()}
WORK["fill"] = "backfill: {table: items, key: id, set: total = quantity * price}"

EVENTS = """(uuid UUID, team_id Int64, event String, distinct_id String, properties String, timestamp DateTime, elapsed Float64, created_at DateTime)
ENGINE = MergeTree() PARTITION BY toYYYYMM(timestamp) ORDER BY """
OLD_ORDER = "(team_id, toDate(timestamp), distinct_id, uuid)"
NEW_ORDER = "(team_id, toDate(timestamp), event, cityHash64(distinct_id), uuid)"
EVENT = """generateUUIDv4(), toInt64(intHash32(number) % 16), concat('$event_', toString(intHash32(number + 1) % 40)),
concat('user-', hex(intHash64(number % 300000))),
concat('{"$browser": "', arrayElement(['Chrome', 'Firefox', 'Safari', 'Edge'], 1 + intHash32(number + 2) % 4),
    '", "$current_url": "https://example.com/page/', toString(intHash32(number + 3) % 5000),
    '", "$lib_version": "1.', toString(intHash32(number + 4) % 60), '", "$screen_width": ', toString(intHash32(number + 5) % 2000),
    ', "$session_id": "', hex(intHash64(number)), '", "$window_id": "', hex(intHash64(number + 7)),
    '", "$pageview_id": "', hex(intHash64(number + 8)), '"}'),
toDateTime('START') + intHash32(number + 6) % 2300000, toFloat64(intHash32(number + 9)) / 1000,
toDateTime('START') + intHash32(number + 6) % 2300000 + 3"""
EVENT_DIGEST = "SELECT count(), sum(cityHash64(toString(uuid), team_id, event, distinct_id, properties, timestamp, elapsed, created_at)) FROM "

# Gaps between all keys, and a wide one after every ten thousand rows.
ITEM = """n * 3 + n / 10000 * 100000, n * 7919 % 50000, CASE n % 3 WHEN 0 THEN 'order' WHEN 1 THEN 'refund' ELSE 'shipment' END,
1 + n * 31 % 9, 100 + n * 7907 % 100000, 'item number ' || n || ' of a shop that sells many things to many people', NULL"""
ITEMS_TABLE = """CREATE TABLE items (id {integer} PRIMARY KEY, account_id integer NOT NULL, kind text NOT NULL,
quantity integer NOT NULL, price integer NOT NULL, note text NOT NULL, total {integer})"""
SERIES = "WITH RECURSIVE series(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < {rows})"
ITEMS_INDEX = "CREATE INDEX items_account ON items (account_id)"
UPDATE = "UPDATE items SET total = quantity * price"
LARGEST = "SELECT max(length(CAST(body AS blob))) FROM orchestrate_event WHERE json_extract(body, '$.event') = 'advanced'"
WRONG_ITEMS = "SELECT count(*) FROM items WHERE total IS NULL OR total <> quantity * price"


def say(text):
    print(f"bench_move: {text}", file=sys.stderr, flush=True)


def expect(found, wanted, what):
    if found != wanted:
        sys.exit(f"{what}: {found} instead of {wanted}")


# Measuring.

def measure(sides, rounds, ready, check):
    """The times of each side in seconds, taken in turn; `ready` and `check` stand around each and are not counted.

    A loop whose first round took twice as long as the best loop's will not be the best, and is not run again.
    """
    times = {name: [] for name in sides}
    for number in range(rounds):
        best = min((taken[0] for name, taken in times.items() if is_loop(name) and taken), default=0)
        names = [name for name, taken in times.items() if not (is_loop(name) and taken and taken[0] > HOPELESS * best)]
        for name in names[number % len(names):] + names[:number % len(names)]:
            ready()
            os.sync()
            load = os.getloadavg()[0]
            start = time.perf_counter()
            sides[name]()
            times[name].append(time.perf_counter() - start)
            check(name)
            say(f"round {number + 1}, {name}: {times[name][-1]:.2f} s (load before it: {load:.1f})")
    return times


def is_loop(name):
    return name.startswith("a loop")


class Program:
    """The program under test with a project of its own, and what is known of its runs."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.peaks, self.found, self.largest, self.alone = {}, {}, {}, {}
        for name, work in WORK.items():
            write(folder / f"manifests/bench/{name}.yaml", f"migration\nname: {name}\noperations:\n"
                  f"  - name: move\n    target: db\n    {work}\n    irreversible: the bench makes the tables anew\n    timeout: 1h\n")
        write(folder / "upgrade-paths/bench.yaml", "upgrade-path\nreleases: [{app: 1.0.0}]\n")
        write(folder / "orchestrate.yaml", "project\nenvironments:\n"
              f"  {EVENTS_PLACE}: {{store: 'sqlite://state.db', targets: {{db: {{url: '${{BENCH_URL}}', database: {DATABASE}}}}}}}\n"
              f"  {ITEMS_PLACE}: {{store: 'sqlite://state.db', targets: {{db: {{url: '${{BENCH_URL}}'}}}}}}\n")

    def forget(self):
        for path in self.folder.glob("state.db*"):
            path.unlink()

    def command(self, place, *arguments):
        return [self.program, "--project", self.folder, "--environment", place, "--quiet", *arguments]

    def start(self, name, place, url, key):
        """Runs the migration; keeps the most memory that the process ever had, under `key`."""
        command, environment = self.command(place, "start", name), {**os.environ, "BENCH_URL": url}
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        watch = threading.Thread(target=self.watch, args=(process.pid, key))
        watch.start()
        output, _ = process.communicate()
        watch.join()
        expect(process.returncode, 0, f"{name}: {output}\nexit code")

    def watch(self, pid, key):
        """The kernel's own high-water mark, until the process is gone; what it had at the last look is what counts."""
        while True:
            try:
                lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
            except (FileNotFoundError, ProcessLookupError):
                return
            peak = [int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")]
            if not peak:
                return
            self.peaks[key] = max(self.peaks.get(key, 0), *peak)
            time.sleep(0.02)

    def batches(self, name, key):
        """Reads from the journal how the size of a batch was found, and from the store how large a batch's event is."""
        lines = subprocess.run(self.command(ITEMS_PLACE, "journal", name, "--format", "json"), check=True, stdout=subprocess.PIPE).stdout
        journal = [json.loads(line) for line in lines.splitlines()]
        first, last = (next(moment(event["at"]) for event in journal if event["event"] == name) for name in ("attempted", "done"))
        self.alone.setdefault(key, []).append((last - first).total_seconds())
        events = [event for event in journal if event["event"] == "advanced" and event.get("high")]
        self.found.setdefault(key, []).append(found([(event["rows"], event["ms"]) for event in events]))
        with sqlite3.connect(self.folder / "state.db") as store:
            largest, = store.execute(LARGEST).fetchone()
        self.largest[key] = max(self.largest.get(key, 0), largest or 0)


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"format: orchestrate/v1\nkind: {text}")


def found(batches):
    """The first batch from which on all take the target duration within 30 %, or keep their size within 10 %; and how many there are.

    The last batch is what was left, and says nothing.
    """
    first = len(batches)
    for number in range(len(batches) - 1, 0, -1):
        rows, ms = batches[number - 1]
        before = batches[number - 2][0] if number > 1 else 0
        if abs(ms - TARGET_MS) > 0.3 * TARGET_MS and abs(rows - before) >= 0.1 * before:
            break
        first = number
    return (first, len(batches))


# ClickHouse.

class ClickHouse:
    """A server over HTTP, in a database of its own."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        login = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password)}"
        self.address, self.login = f"{parts.scheme}://{parts.hostname}:{parts.port}/", base64.b64encode(login.encode()).decode()

    def __enter__(self):
        self.__exit__()
        self.ask(f"CREATE DATABASE {DATABASE}", "default")
        return self

    def __exit__(self, *_):
        self.ask(f"DROP DATABASE IF EXISTS {DATABASE}", "default")

    def ask(self, sql, database=DATABASE):
        request = urllib.request.Request(f"{self.address}?database={database}", data=sql.encode(), headers={"Authorization": f"Basic {self.login}"})
        try:
            with urllib.request.urlopen(request, timeout=3600) as response:
                return response.read().decode().strip()
        except urllib.error.HTTPError as error:
            sys.exit(f"{sql}: {error.read().decode()}")

    def be_quiet(self):
        while self.ask("SELECT count() FROM system.merges") != "0":
            time.sleep(0.1)

    def make_empty(self):
        self.ask("DROP TABLE IF EXISTS events")
        self.ask(f"CREATE TABLE events {EVENTS}{NEW_ORDER}")

    def make_events(self):
        self.ask(f"CREATE TABLE events_old {EVENTS}{OLD_ORDER}")
        for number in range(PARTITIONS):
            start = f"{2022 + number // 12}-{number % 12 + 1:02}-01 00:00:00"
            self.ask(f"INSERT INTO events_old SELECT {EVENT.replace('START', start)} FROM numbers({number * PARTITION_ROWS}, {PARTITION_ROWS})")
        self.be_quiet()


def clickhouse(program, rounds, is_plain):
    columns = {name: move_events(program, name, url_name, rounds, is_plain) for name, url_name in SERVERS.items()}
    sides = list(next(iter(columns.values())))
    head, rows = [f"{PARTITIONS} partitions, {PARTITIONS * PARTITION_ROWS:,} rows, a new `ORDER BY`"], [[side] for side in sides]
    for name, times in columns.items():
        head += [f"ClickHouse {name}", "ratio"]
        for row in rows:
            row += [seconds(times[row[0]]), ratio(times[row[0]], times[PLAIN])]
    return table(head, rows) + memory(program, "ClickHouse")


def move_events(program, name, url_name, rounds, is_plain):
    url = os.environ[url_name]
    with ClickHouse(url) as server:
        say(f"ClickHouse {name}: making {PARTITIONS} partitions")
        server.make_events()
        wanted = server.ask(f"{EVENT_DIGEST}events_old")
        sides = {PLAIN: lambda: server.ask("INSERT INTO events SELECT * FROM events_old")}
        if not is_plain:
            for migration, (parallel, verify) in COPIES.items():
                side = f"`copy`, `verify: {verify}`, `parallel: {parallel}`"
                sides[side] = lambda migration=migration: program.start(migration, EVENTS_PLACE, url, "ClickHouse")

        def ready():
            program.forget()
            server.make_empty()
            server.ask("SELECT count() FROM events_old WHERE NOT ignore(*)")
            server.be_quiet()

        def check(side):
            server.be_quiet()
            expect(server.ask(f"{EVENT_DIGEST}events"), wanted, f"rows and digest after {side}")

        return measure(sides, rounds, ready, check)


# Postgres.

class Session:
    """One session of psql, asked statement after statement."""

    def __init__(self, url):
        command = ["psql", url, "-XqAt", "-v", "ON_ERROR_STOP=1"]
        environment = {**os.environ, "PGOPTIONS": "-c client_min_messages=warning"}
        self.process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self.ask

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()

    def ask(self, sql):
        self.process.stdin.write(f"{sql};\n\\echo .\n")
        self.process.stdin.flush()
        answer = []
        while (line := self.process.stdout.readline()) != ".\n":
            if not line:
                sys.exit(f"psql ended at: {sql}")
            answer.append(line)
        return "".join(answer).strip()


def by_hand(ask, rows):
    """The loop that people write: the bound from the index, then the update up to it, each in a transaction of its own."""
    after = -1
    while high := ask(f"SELECT id FROM items WHERE id > {after} ORDER BY id LIMIT 1 OFFSET {rows - 1}"):
        ask(f"{UPDATE} WHERE id > {after} AND id <= {high}")
        after = high
    ask(f"{UPDATE} WHERE id > {after}")


def postgres(program, rounds, is_plain):
    admin = os.environ["ORCHESTRATE_TEST_POSTGRES_URL"]
    source, copy = f"bench_move_{os.getpid()}", f"bench_move_{os.getpid()}_copy"
    parts = urllib.parse.urlsplit(admin)
    url = urllib.parse.urlunsplit(parts._replace(path=f"/{copy}", query=""))

    def once(sql, database=admin):
        with Session(database) as ask:
            return ask(sql)

    def loop(size):
        with Session(url) as ask:
            by_hand(ask, size)

    def ready():
        program.forget()
        once(f"DROP DATABASE IF EXISTS {copy}")
        once(f"CREATE DATABASE {copy} TEMPLATE {source} STRATEGY file_copy")
        once("SELECT count(note) FROM items", url)

    def check(side):
        expect(once(WRONG_ITEMS, url), "0", f"wrong rows after {side}")
        if side == "`backfill`":
            program.batches("fill", "Postgres")

    say(f"Postgres: making {ITEMS} rows")
    # Vacuuming as every server has it, looked for so often that it comes at the same rows for every side.
    once("ALTER SYSTEM SET autovacuum_naptime = '1s'")
    once("SELECT pg_reload_conf()")
    once(f"CREATE DATABASE {source}")
    with Session(urllib.parse.urlunsplit(parts._replace(path=f"/{source}", query=""))) as ask:
        ask(ITEMS_TABLE.format(integer='bigint'))
        ask(f"INSERT INTO items SELECT {ITEM} FROM generate_series(1::bigint, {ITEMS}) AS n")
        ask(ITEMS_INDEX)
        ask("VACUUM (FREEZE, ANALYZE) items")
    sides = {"one `UPDATE`": lambda: once(UPDATE, url)}
    try:
        times = measure(sides_of_items(sides, loop, program, url, "Postgres", is_plain), rounds, ready, check)
    finally:
        once(f"DROP DATABASE IF EXISTS {copy}")
        once(f"DROP DATABASE {source}")
    return rates(times, "Postgres", program.alone.get("Postgres")) + memory(program, "Postgres")


# SQLite.

def sqlite(program, rounds, is_plain):
    source, copy = program.folder / "items.db", program.folder / "copy.db"

    def session():
        return sqlite3.connect(copy, isolation_level=None)

    def asking(connection):
        def ask(sql):
            row = connection.execute(sql).fetchone()
            return row and row[0]
        return ask

    def loop(size):
        connection = session()
        by_hand(asking(connection), size)
        connection.close()

    def update():
        connection = session()
        connection.execute(UPDATE)
        connection.close()

    def ready():
        program.forget()
        shutil.copyfile(source, copy)

    def check(side):
        connection = session()
        expect(asking(connection)(WRONG_ITEMS), 0, f"wrong rows after {side}")
        connection.close()
        if side == "`backfill`":
            program.batches("fill", "SQLite")

    say(f"SQLite: making {ITEMS} rows")
    source.unlink(missing_ok=True)
    connection = sqlite3.connect(source, isolation_level=None)
    connection.execute(ITEMS_TABLE.format(integer="integer"))
    connection.execute(f"INSERT INTO items {SERIES.format(rows=ITEMS)} SELECT {ITEM} FROM series")
    connection.execute(ITEMS_INDEX)
    connection.execute("ANALYZE")
    connection.close()
    url = f"sqlite://{copy}"
    try:
        times = measure(sides_of_items({"one `UPDATE`": update}, loop, program, url, "SQLite", is_plain), rounds, ready, check)
    finally:
        for path in (source, copy):
            path.unlink(missing_ok=True)
    return rates(times, "SQLite", program.alone.get("SQLite")) + memory(program, "SQLite")


def sides_of_items(sides, loop, program, url, key, is_plain):
    for size in BATCHES:
        sides[f"a loop, {size:,} rows a batch"] = lambda size=size: loop(size)
    if not is_plain:
        sides["`backfill`"] = lambda: program.start("fill", ITEMS_PLACE, url, key)
    return sides


# Telling.

def seconds(times):
    return f"{statistics.median(times):.2f} s"


def ratio(times, others):
    return f"{statistics.median(times) / statistics.median(others):.2f}"


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def rates(times, engine, alone):
    """Each side, and of the command under test also its batches without what comes before and after them."""
    times = {**times, "`backfill`, its batches alone": alone} if alone else times
    loops = {name: taken for name, taken in times.items() if is_loop(name)}
    best = min(loops, key=lambda name: statistics.median(loops[name]))
    rows = []
    for name, taken in times.items():
        rate = f"{ITEMS / statistics.median(taken):,.0f}"
        rows.append([f"{name} (the best)" if name == best else name, seconds(taken), rate, ratio(loops[best], taken)])
    return table([f"{ITEMS:,} rows on {engine}", "median", "rows a second", "rate / the best loop's"], rows)


def memory(program, key):
    lines = []
    if key in program.peaks:
        lines.append(f"The most memory that `orchestrate` had: {program.peaks[key]:.0f} MiB.")
    if key in program.found:
        each = ", ".join(f"{first} of {count}" for first, count in program.found[key])
        lines.append(f"The size was found at batch {each}. The largest event of a batch has {program.largest[key]} bytes.")
    return f"\n{' '.join(lines)}\n" if lines else ""


def put_into(page, text):
    before, rest = page.read_text().split("<!-- bench_move -->\n")
    after = rest.split("<!-- /bench_move -->\n")[1]
    page.write_text(f"{before}<!-- bench_move -->\n{text}<!-- /bench_move -->\n{after}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("parts", nargs="*", metavar="PART")
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", type=pathlib.Path)
    given = parser.parse_args()
    parts = {"clickhouse": clickhouse, "postgres": postgres, "sqlite": sqlite}
    unknown = set(given.parts) - set(parts)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    folder = given.folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    program = Program(pathlib.Path(given.program).resolve(), folder)
    texts = [part(program, given.rounds, given.plain) for name, part in parts.items() if not given.parts or name in given.parts]
    text = "\n".join(texts)
    print(text)
    if given.write:
        put_into(given.write, text)


if __name__ == "__main__":
    main()
