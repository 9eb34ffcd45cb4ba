"""The runtime of kind `python:3`: one process that serves one action over HTTP/1.1 on a Unix socket.

It needs the standard library only, and loads what a plain action does not need (archives, threads) when it is needed: a cold
start is mostly the interpreter's own. The words and statuses are those of OpenWhisk's Python runtime, for clients match on them.
The action's code is run by the main thread, as signals and some libraries want it, one request after another; where runs may
overlap, each has a thread. Between a run's answer and its sentinels nothing else happens, so logs and answers come in one order.
"""

import json
import linecache
import os
import select
import socket
import sys
import traceback
from types import ModuleType

# Taken before the action's code runs: one that patches `json` or `os` spoils its own copy and not the server's.
_dumps, _loads, _write, _exit = json.dumps, json.loads, os.write, os._exit
_format_exc = traceback.format_exc
_recv, _sendall = socket.socket.recv, socket.socket.sendall

SENTINEL = "XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX"
# 48 MiB of code in base64 or JSON escapes, twice over.
BODY_BYTES_MAX = 134_217_728
HEAD_BYTES_MAX = 16_384
CHUNK_BYTES = 65_536
BACKLOG = 512
REASONS = {200: "OK", 400: "Bad Request", 403: "Forbidden", 502: "Bad Gateway"}

NO_CODE = "The action failed to generate or locate a binary. See logs for details."
NO_START = "Cannot start action. Check logs for details."


class Refusal(Exception):
    """An answer other than 200: its status and words for the caller, and what the log says beyond them."""

    def __init__(self, status, words, account=""):
        super().__init__(words)
        self.status = status
        self.words = words
        self.account = account


class Output:
    """The two output streams: flushed line by line, so that a run which is killed leaves what it printed."""

    def __init__(self):
        self.mark = ""
        # The action may replace `sys.stdout`; what it printed before is in these.
        self.streams = (sys.stdout, sys.stderr)
        for stream in self.streams:
            stream.reconfigure(line_buffering=True)

    def flush(self):
        for stream in (*self.streams, getattr(sys, "stdout", None), getattr(sys, "stderr", None)):
            try:
                stream.flush()
            except Exception:
                # Closed or replaced by the action: there is nothing to lose that it did not throw away.
                pass

    def error(self, text):
        self.flush()
        write_all(2, text.encode("utf-8", "backslashreplace") + b"\n")

    def end(self):
        """Ends a run's log. With the mark `none` the platform tells logs apart by order, and nothing is printed."""
        if self.mark == "none":
            return
        line = f"{SENTINEL} {self.mark}".rstrip().encode() + b"\n"
        for fd in (1, 2):
            write_all(fd, line)


class Service:
    """What an action goes through: init once, then runs."""

    def __init__(self, output, folder, environment):
        self.output = output
        self.folder = folder
        self.environment = environment
        self.state = "ready"
        self.action = None

    def init(self, body, mark):
        if self.action is not None:
            raise Refusal(403, "Cannot initialize the action more than once.")
        if self.state != "ready":
            raise Refusal(403, f"System not ready, status is {self.state}.")
        if mark is not None:
            self.output.mark = mark
        message = fields_of(fields_of(body).get("value"))
        main, code = message.get("main") or "main", message.get("code")
        if not isinstance(main, str) or not isinstance(code, str) or code == "":
            raise Refusal(403, "Missing main/no code to execute.")
        for name, value in fields_of(message.get("env")).items():
            self.set(name, env_text(value))
        self.state = "stopped"
        self.action = load(main, code, message.get("binary") is True, self.folder)
        self.state = "ready"
        return b'{"ok":true}'

    def run(self, body):
        if self.action is None:
            raise Refusal(403, "System not initialized.")
        message = fields_of(body)
        value = message.get("value")
        value = {} if value is None else value
        if not isinstance(value, (dict, list)):
            raise Refusal(403, f"Internal system error: the argument must be a dictionary but has type '{type(value).__name__}'.")
        for name, text in message.items():
            if name != "value" and isinstance(text, str):
                self.set(f"__OW_{name.upper()}", text)
        try:
            result = self.action(value)
        except Exception as error:
            # The action's own error, not a defect of its code: OpenWhisk answers it with 200.
            self.output.error(account_of())
            result = {"error": text_of(error)}
        if not isinstance(result, (dict, list, tuple)):
            account = f'Result must be a dictionary or array but has type "{type(result).__name__}".'
            raise Refusal(502, "The action did not return a dictionary or array.", account)
        return json_bytes(result)

    def set(self, name, text):
        try:
            self.environment[name] = text
        except ValueError as error:
            # No system takes zero bytes, or half a surrogate pair.
            self.output.error(f"Variable {name} cannot be set: {error}")

    def answer(self, path, body, mark):
        """Status and JSON bytes of one request; whatever the action printed is written when it returns."""
        try:
            reply = 200, self.init(body, mark) if path == "/init" else self.run(body)
        except Refusal as refusal:
            self.output.error(refusal.account or refusal.words)
            reply = refusal.status, json_bytes({"error": refusal.words})
        self.output.flush()
        return reply


def load(main, code, binary, folder):
    """From code to function."""
    source, filename = (unpacked(code, folder) if binary else (code, os.path.join(folder, "main__.py")))
    try:
        compiled = compile(source, filename, "exec")
    except (SyntaxError, ValueError):
        raise Refusal(502, NO_CODE, account_of()) from None
    module = ModuleType("main__")
    module.__file__ = filename
    sys.modules["main__"] = module
    if isinstance(source, str):
        linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
    try:
        exec(compiled, module.__dict__)
    except Exception:
        raise Refusal(502, NO_START, account_of()) from None
    action = module
    for name in main.split("."):
        action = getattr(action, name, None)
    if not callable(action):
        raise Refusal(502, NO_START, f"Action entrypoint '{main}' is not a function.")
    return action


def unpacked(code, folder):
    """Unpacks an archive, makes it the working folder, and gives the source of its `__main__.py`."""
    from importlib.util import module_from_spec, spec_from_file_location

    # Under no name that an action's own module could have.
    spec = spec_from_file_location("__skein_archive", os.path.join(os.path.dirname(__file__), "archive.py"))
    archive = module_from_spec(spec)
    spec.loader.exec_module(archive)
    target = os.path.join(folder, "action")
    try:
        archive.unpack(code, target)
        os.chdir(target)
        sys.path.insert(0, target)
        filename = archive.entry_of(target)
        archive.activate(os.path.join(target, "virtualenv"))
        with open(filename, "rb") as file:
            return file.read(), filename
    except archive.Fault as fault:
        raise Refusal(502, NO_CODE, str(fault)) from None
    except Exception:
        raise Refusal(502, NO_CODE, account_of()) from None


def account_of():
    """The traceback of the exception at hand, without this file's own lines above the action's."""
    lines = _format_exc().splitlines()
    kept, own = [], False
    for line in lines:
        if line.startswith('  File "'):
            own = line.startswith(f'  File "{__file__}"')
        elif not line.startswith("    "):
            own = False
        if not own:
            kept.append(line)
    return "\n".join(kept)


def json_bytes(value):
    """@raises Refusal for what JSON cannot say: other classes, cycles, NaN."""
    try:
        text = _dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        words = f"The action returned a value that cannot be written as JSON: {error}"
        raise Refusal(502, words, words) from None
    try:
        return text.encode()
    except UnicodeEncodeError:
        # Half a surrogate pair: JSON can say it in escapes only.
        return _dumps(value, separators=(",", ":")).encode()


def env_text(value):
    if isinstance(value, str):
        return value
    return "" if value is None else _dumps(value, ensure_ascii=False, separators=(",", ":"))


def text_of(error):
    try:
        return str(error)
    except Exception:
        # Its own `__str__` fails.
        return type(error).__name__


def fields_of(value):
    return value if isinstance(value, dict) else {}


def write_all(fd, data):
    view = memoryview(data)
    while view:
        try:
            view = view[_write(fd, view) :]
        except BlockingIOError:
            # The action made the stream non-blocking, and it is full.
            select.select((), (fd,), (), 1)
        except OSError:
            # Closed by the action, or nobody reads.
            return


class Connection:
    """One connection of the platform: keep-alive, one request at a time, bodies with a length."""

    def __init__(self, sock):
        self.sock = sock
        self.pending = b""

    def fileno(self):
        return self.sock.fileno()

    def read(self):
        """The next request as path, JSON text and sentinel mark; None when there will be none. @raises ValueError"""
        data = bytearray(self.pending)
        self.pending = b""
        while (end := data.find(b"\r\n\r\n")) < 0:
            if len(data) > HEAD_BYTES_MAX:
                raise ValueError("the head is too long")
            chunk = _recv(self.sock, CHUNK_BYTES)
            if not chunk:
                return None
            data += chunk
        request, *lines = data[:end].decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        method, path, version = request.split(" ")
        length = int(headers["content-length"])
        known = method == "POST" and path in ("/init", "/run") and version == "HTTP/1.1"
        if not known or not 0 <= length <= BODY_BYTES_MAX or "transfer-encoding" in headers:
            raise ValueError("no request of ours")
        body = data[end + 4 :]
        while len(body) < length:
            chunk = _recv(self.sock, min(length - len(body), 1_048_576))
            if not chunk:
                return None
            body += chunk
        if len(body) > length:
            raise ValueError("bytes that no answer asked for")
        return path, bytes(body), headers.get("x-skein-sentinel")

    def reply(self, status, body):
        head = f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        try:
            _sendall(self.sock, head.encode() + body)
        except OSError:
            # The platform hung up (deadline, truncated answer): the answer goes nowhere.
            pass


def serve(listener, service, concurrent):
    poll = select.poll()
    connections = {}
    poll.register(listener, select.POLLIN)
    while True:
        for fd, _ in poll.poll():
            if fd == listener.fileno():
                connection = Connection(listener.accept()[0])
                connections[connection.fileno()] = connection
                poll.register(connection, select.POLLIN)
                continue
            connection = connections[fd]
            if not take(connection, service, concurrent):
                poll.unregister(fd)
                del connections[fd]
                connection.sock.close()


def take(connection, service, concurrent):
    """Serves a request that has begun to arrive; false when the connection is over."""
    try:
        request = connection.read()
    except (ValueError, KeyError):
        connection.reply(400, b'{"error":"bad request"}')
        return False
    except OSError:
        return False
    if request is None:
        return False
    path, text, mark = request
    try:
        body = _loads(text)
    except ValueError:
        connection.reply(400, b'{"error":"the request is not JSON"}')
        return True
    if concurrent and path == "/run":
        import threading

        try:
            threading.Thread(target=overlapping, args=(connection, service, body), daemon=True).start()
            return True
        except RuntimeError:
            # The container has as many threads as it may have: this run comes by itself, after which others may have ended.
            pass
    finish(connection, service, path, body, mark)
    return True


def finish(connection, service, path, body, mark):
    status, answer = service.answer(path, body, mark)
    connection.reply(status, answer)
    if path == "/run" or status != 200:
        service.output.end()


def overlapping(connection, service, body):
    try:
        finish(connection, service, "/run", body, None)
    except BaseException:
        # `sys.exit` ends the container here as it does in the main thread.
        service.output.error(account_of())
        _exit(1)


def main():
    address = os.environ.pop("__SKEIN_SOCKET")
    ready = os.environ.pop("__SKEIN_READY_FD", None)
    concurrent = os.environ.get("__OW_ALLOW_CONCURRENT", "").lower() == "true"
    service = Service(Output(), os.getcwd(), os.environ)
    # In an image it is the TCP port, 8080.
    if address.isdigit():
        listener = socket.create_server(("", int(address)), backlog=BACKLOG)
    else:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(address)
        listener.listen(BACKLOG)
    if ready is not None:
        _write(int(ready), b"\n")
        os.close(int(ready))
    # The action's own modules come first, and none is hidden by one of this folder.
    sys.path[0] = service.folder
    serve(listener, service, concurrent)


if __name__ == "__main__":
    main()
