#!/usr/bin/env python3
"""The current ClickHouse engine behind ClickHouse's HTTP protocol, for the tests: chdb has the engine and no server.

usage: chdb_http.py HOST PORT DATA_DIRECTORY CONFIG_FILE      (CHDB_HTTP_USER, CHDB_HTTP_PASSWORD: who may ask)

What it leaves out: streaming (an answer is sent when it is complete), sessions, compression, ON CLUSTER, and the native protocol, so that one bridge
cannot read from another. A view that always has a node stands for system.zookeeper, which the engine lacks.

The engine names its queries itself; the client's query_id is kept in the setting `log_comment` and shown by a view in place of system.processes.
KILL QUERY finds it too, but answers with the engine's own id.
"""
import base64
import email.parser
import http.server
import hmac
import json
import os
import re
import sys
import threading
import urllib.parse
import uuid

import chdb

CODE = re.compile(r"Code: (\d+)\.")
FORMAT = re.compile(r"\bFORMAT\s+(\w+)\s*(?:SETTINGS\b[^']*)?;?\s*$", re.I)
INSERT_WITH_DATA = re.compile(r"^\s*INSERT\s.*\bFORMAT\s+(\w+)\s*$", re.I | re.S)
STOOD_IN = re.compile(r"\bsystem\.(processes|zookeeper)\b")
# The parameters of a request that are no settings of the engine.
OWN = {"query", "default_format", "database", "query_id", "user", "password", "quota_key", "role", "session_id", "session_timeout", "session_check",
       "compress", "decompress", "buffer_size", "wait_end_of_query", "enable_http_compression", "client_protocol_version", "close_session"}
STATUS = {36: 400, 43: 400, 46: 404, 47: 404, 53: 400, 57: 400, 60: 404, 62: 400, 81: 404, 115: 404, 159: 408, 164: 403, 216: 500, 516: 403}
VIEWS = ("CREATE VIEW IF NOT EXISTS bridge.zookeeper AS SELECT '/' AS path, 'zookeeper' AS name", """
CREATE VIEW IF NOT EXISTS bridge.processes AS SELECT * REPLACE (
    if(empty(Settings['log_comment']), query_id, Settings['log_comment']) AS query_id,
    if(empty(Settings['log_comment']), initial_query_id, Settings['log_comment']) AS initial_query_id)
FROM system.processes""")


class Refused(Exception):
    """An answer of the bridge itself, in the words of the server."""


class Engine:
    """One engine for the process; a connection for each request, since a connection that has failed keeps a part of its answer."""

    def __init__(self, directory, config):
        self.address = f"{directory}?config-file={config}"
        self.kept = chdb.connect(self.address)  # the engine ends with its last connection
        self.kept.query("CREATE DATABASE IF NOT EXISTS bridge")
        for view in VIEWS:
            self.kept.query(view)
        self.running, self.lock = set(), threading.Lock()

    def answer(self, request):
        with self.lock:
            if request.query_id in self.running:
                raise Refused(f"Code: 216. DB::Exception: Query with id = {request.query_id} is already running. "
                              "(QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING)")
            self.running.add(request.query_id)
        try:
            connection = chdb.connect(self.address)
            try:
                return self.run(connection, request)
            finally:
                connection.close()
        finally:
            with self.lock:
                self.running.discard(request.query_id)

    def run(self, connection, request):
        connection.query("SET implicit_select = 0")
        if request.database:
            connection.query(f"USE `{request.database.replace('`', '``')}`")
        for name, value in request.settings:
            connection.query(f"SET {name} = {literal(value)}")
        connection.query(f"SET log_comment = {literal(request.query_id)}")
        if request.readonly:
            connection.query(f"SET readonly = {literal(request.readonly)}")
        if request.data is not None:
            statement, format_name = request.statement[:request.statement.upper().rindex("FORMAT")], request.format
            insert = connection.send_insert(statement, format_name)
            insert.append(request.data)
            done = insert.finish()
            return b"", {"written_rows": str(done.rows_written), "written_bytes": str(done.bytes_written)}
        result = connection.query(request.statement, request.format, params=request.parameters)
        summary = {"read_rows": str(result.rows_read()), "read_bytes": str(result.bytes_read()), "elapsed_ns": str(int(result.elapsed() * 1e9))}
        return result.bytes() or b"", summary


class Request:
    """What a client asks for: from the address, the headers and the body."""

    def __init__(self, method, path, headers, body):
        given = urllib.parse.parse_qsl(urllib.parse.urlsplit(path).query, keep_blank_values=True)
        single = dict(given)
        self.parameters = {name[6:]: value for name, value in given if name.startswith("param_")}
        kind = headers.get("Content-Type") or ""
        if kind.startswith("multipart/form-data"):
            body = self.form(kind, body)
        address = single.get("query", "")
        insert = INSERT_WITH_DATA.match(address) if body else None
        self.data = body if insert else None
        text = address if insert else "\n".join(part for part in (address, body.decode("utf-8", "surrogateescape")) if part)
        self.query_id = single.get("query_id") or str(uuid.uuid4())
        self.database = single.get("database") or headers.get("X-ClickHouse-Database") or ""
        named = insert or FORMAT.search(text)
        self.format = named.group(1) if named else single.get("default_format") or headers.get("X-ClickHouse-Format") or "TabSeparated"
        settings = [(name, value) for name, value in given if name not in OWN and not name.startswith("param_")]
        self.settings = [(name, value) for name, value in settings if name not in ("readonly", "log_comment")]
        self.readonly = dict(settings).get("readonly") or ("2" if method == "GET" else "")
        self.user, self.password = self.credentials(single, headers)
        self.statement = self.rewritten(text)

    def form(self, kind, body):
        query = b""
        message = email.parser.BytesParser().parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
        for part in message.get_payload():
            name, value = part.get_param("name", header="content-disposition"), part.get_payload(decode=True)
            if name == "query":
                query = value
            elif name.startswith("param_"):
                self.parameters[name[6:]] = value.decode()
        return query

    def credentials(self, single, headers):
        scheme, _, value = (headers.get("Authorization") or "").partition(" ")
        if scheme.lower() == "basic":
            user, _, password = base64.b64decode(value).decode().partition(":")
            return user, password
        return (single.get("user") or headers.get("X-ClickHouse-User") or "default",
                single.get("password") or headers.get("X-ClickHouse-Key") or "")

    def rewritten(self, text):
        text = text.strip().rstrip(";")
        if re.match(r"KILL\s", text, re.I):
            return re.sub(r"\b(initial_)?query_id\b", "Settings['log_comment']", text)
        return STOOD_IN.sub(r"bridge.\1", text)


def literal(value):
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


class Bridge(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize, disable_nagle_algorithm = -1, True  # an answer in two packets waits 40 ms for the first one's acknowledgement
    engine, user, password = None, "default", ""

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.serve()

    def do_POST(self):
        self.serve()

    def do_HEAD(self):
        self.reply(200, b"")

    def serve(self):
        body = self.body()
        if urllib.parse.urlsplit(self.path).path in ("/ping", "/replicas_status"):
            return self.reply(200, b"Ok.\n")
        request = Request(self.command, self.path, self.headers, body)
        if not request.statement:
            return self.reply(200, b"Ok.\n")
        headers = {"X-ClickHouse-Query-Id": request.query_id, "X-ClickHouse-Server-Display-Name": "chdb", "X-ClickHouse-Timezone": "UTC"}
        try:
            self.admit(request)
            answer, summary = self.engine.answer(request)
        except Exception as error:  # the engine has one class for all its errors
            return self.fail(str(error), headers)
        headers.update({"X-ClickHouse-Format": request.format, "X-ClickHouse-Summary": json.dumps(summary), "Content-Type": "application/octet-stream"})
        return self.reply(200, answer, headers)

    def admit(self, request):
        known = (request.user, request.password) == ("default", "") and not self.password
        known = known or (request.user == self.user and hmac.compare_digest(request.password.encode(), self.password.encode()))
        if not known:
            raise Refused(f"Code: 516. DB::Exception: {request.user}: Authentication failed: password is incorrect, or there is no user with such name. "
                          "(AUTHENTICATION_FAILED)")

    def fail(self, text, headers):
        text = text[text.find("Code: "):] if "Code: " in text else f"Code: 1001. DB::Exception: {text}"
        code = int(CODE.match(text).group(1)) if CODE.match(text) else 1001
        self.reply(STATUS.get(code, 500), (text + "\n").encode(), {**headers, "X-ClickHouse-Exception-Code": str(code)})

    def body(self):
        if (self.headers.get("Transfer-Encoding") or "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def reply(self, status, body, headers=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
            self.wfile.flush()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the client went away; what it asked for is done


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (BrokenPipeError, ConnectionResetError)):
            super().handle_error(request, client_address)


if __name__ == "__main__":
    host, port, directory, config = sys.argv[1:]
    Bridge.engine = Engine(directory, config)
    Bridge.user, Bridge.password = os.environ.get("CHDB_HTTP_USER", "default"), os.environ.get("CHDB_HTTP_PASSWORD", "")
    Server((host, int(port)), Bridge).serve_forever()
