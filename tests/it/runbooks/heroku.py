#!/usr/bin/env python3
"""A Heroku of one app, as its command line tells it. Refuses, for good, what must never be asked of it."""
import json
import os
import pathlib
import signal
import sys

WORLD = pathlib.Path(__file__).resolve().parent.parent / "world"
STATE = WORLD / "heroku.json"


def main(words):
    state = json.loads(STATE.read_text())
    line = " ".join(words)
    with open(WORLD / "calls", "a") as calls:
        calls.write(f"{line}\n")
    kill = state.get("kill") if line not in state["killed"] else None
    if kill:
        state["killed"].append(line)
        if kill == "before":
            STATE.write_text(json.dumps(state))
            os.kill(os.getppid(), signal.SIGKILL)
            return 1
    code = act(state, words)
    STATE.write_text(json.dumps(state))
    if kill == "after":
        os.kill(os.getppid(), signal.SIGKILL)
    return code


def act(state, words):
    verb, rest = words[0], words[1:]
    databases = state["databases"]
    assert "--app" in rest and rest[rest.index("--app") + 1] == "shop", words
    name = rest[0]
    if verb == "pg:info":
        return info(state, name)
    if verb == "addons":
        urls = lambda name: ["DATABASE_URL"] * (name == state["primary"]) + [f"{name.upper()}_URL"]
        print(json.dumps([{"name": name, "config_vars": urls(name)} for name in databases]))
        return 0
    if verb == "addons:create":
        new, old = rest[rest.index("--name") + 1], rest[rest.index("--follow") + 1]
        if new in databases or old != state["primary"]:
            return refuse(state, f"create {new} following {old}")
        databases[new] = {"following": old, "behind": 3, "version": databases[old]["version"], "preparing": 0}
    elif verb == "pg:upgrade:run":
        database = databases[name]
        if not database["following"] or database["behind"] or not state["maintenance"]:
            return refuse(state, f"upgrade {name}")
        assert rest[rest.index("--confirm") + 1] == "shop", words
        database.update(following=None, preparing=3, version=rest[rest.index("--version") + 1])
    elif verb == "pg:promote":
        database = databases[name]
        if database["following"] or database["preparing"] or not state["maintenance"] or state["primary"] == name:
            return refuse(state, f"promote {name}")
        state["primary"] = name
    elif verb == "maintenance:on":
        state["maintenance"] = True
    elif verb == "maintenance:off":
        state["maintenance"] = False
    elif verb == "addons:destroy":
        if name == state["primary"] or name not in databases:
            return refuse(state, f"destroy {name}")
        assert rest[rest.index("--confirm") + 1] == "shop", words
        del databases[name]
    else:
        return refuse(state, f"know {verb}")
    return 0


def info(state, name):
    database = state["databases"].get(name)
    if database is None:
        print(f"Couldn't find that addon: {name}", file=sys.stderr)
        return 1
    urls = ["DATABASE_URL"] * (name == state["primary"]) + [f"{name.upper()}_URL"]
    print(f"=== {', '.join(urls)}\n")
    print("Plan:                  Standard 0")
    print(f"Status:                {'Preparing' if database['preparing'] else 'Available'}")
    print(f"PG Version:            {database['version']}.4")
    if database["following"]:
        print(f"Following:             {database['following'].upper()}_URL (DATABASE_URL)")
        print(f"Behind By:             {database['behind']} commits")
    database["behind"] = max(0, database["behind"] - 1)
    database["preparing"] = max(0, database["preparing"] - 1)
    return 0


def refuse(state, what):
    state["refused"].append(what)
    print(f"this must not be: {what}", file=sys.stderr)
    return 1


sys.exit(main(sys.argv[1:]))
