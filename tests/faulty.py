"""A real server that stands before another one, or in its place with recorded answers, and has one fault at a time."""

import base64
import json
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

Fault = Callable[["Handler"], None]


class Faulty:
    """Listens on loopback while its `with` lasts.

    Attributes:
        upstream: base_url of the server that requests are handed on to; empty: `answer` is the answer to all of them.
        models: what it says that it serves, where there is no upstream: names and owners.
        faults: what happens to the next requests, one each; when they are used up, nothing does.
        by_text: what happens to each request in whose prompt the text stands.
        down: the status that everything is answered with; 0 while it is up.
        asked: the bodies of all requests for answers, in order.
        keys: what stood in their header `Authorization`.
    """

    def __init__(self, upstream: str = "", answer: str = "{}", models: Mapping[str, str] | None = None) -> None:
        self.upstream = upstream
        self.answer = answer
        self.models = {"tiny": "someone"} if models is None else models
        self.faults: list[Fault] = []
        self.by_text: dict[str, Fault] = {}
        self.down = 0
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.dead = threading.Event()
        self.open: set[socket.socket] = set()
        self._port = 0

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    def start(self) -> None:
        """Listen, on the port of before if there was one."""
        handler = type("Bound", (Handler,), {"faulty": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), handler)
        self._port = self._server.server_port
        self.dead = threading.Event()
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def die(self) -> None:
        """Go as a killed process goes: nobody listens, whoever was connected is reset."""
        self.dead.set()
        self._server.shutdown()
        self._server.server_close()
        for connection in list(self.open):
            _reset(connection)

    def die_for(self, seconds: float) -> None:
        """Die, and be started again after that time."""
        self.die()
        threading.Timer(seconds, self.start).start()

    def __enter__(self) -> "Faulty":
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        if not self.dead.is_set():
            self.die()


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    faulty: Faulty

    def setup(self) -> None:
        super().setup()
        self.faulty.open.add(self.connection)

    def finish(self) -> None:
        self.faulty.open.discard(self.connection)
        try:
            super().finish()
        except OSError:
            return

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:  # the other side is gone, or this one was told to go
            return

    def do_GET(self) -> None:
        if self.faulty.down:
            return status(self.faulty.down)(self)
        if self.faulty.upstream:
            return self.hand_on(b"")
        told = [{"id": name, "object": "model", "created": 0, "owned_by": owner} for name, owner in self.faulty.models.items()]
        self.reply(200, json.dumps({"object": "list", "data": told}).encode())

    def do_POST(self) -> None:
        faulty = self.faulty
        data = self.rfile.read(int(self.headers["Content-Length"]))
        body = json.loads(data)
        faulty.asked.append(body)
        faulty.keys.append(self.headers["Authorization"])
        prompt = prompt_of(body)
        fault = next((fault for text, fault in faulty.by_text.items() if text in prompt), None)
        if faulty.down:
            fault = status(faulty.down)
        elif fault is None and faulty.faults:
            fault = faulty.faults.pop(0)
        if fault:
            fault(self)
        elif faulty.upstream:
            self.hand_on(data)
        else:
            answer(faulty.answer)(self)

    def hand_on(self, data: bytes) -> None:
        """Pass the request on, and the answer back; as a gateway would, 502 where nobody is there."""
        address = urlsplit(self.faulty.upstream)
        connection = HTTPConnection(address.hostname or "", address.port, timeout=120)
        try:
            connection.request(self.command, self.path, data, {"Content-Type": "application/json"})
            found = connection.getresponse()
            self.reply(found.status, found.read())
        except OSError as error:
            status(502, str(error))(self)
        finally:
            connection.close()

    def reply(self, code: int, body: bytes, headers: Mapping[str, str] | None = None, kind: str = "application/json") -> None:
        self.send_response(code)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        return


def prompt_of(body: Mapping[str, Any]) -> str:
    """The text of a request."""
    return str(next(part["text"] for part in body["messages"][0]["content"] if part["type"] == "text"))


def picture_of(body: Mapping[str, Any]) -> bytes:
    """The picture of a request, as a file."""
    url = next(part["image_url"]["url"] for part in body["messages"][0]["content"] if part["type"] == "image_url")
    return base64.b64decode(url.partition("base64,")[2])


def status(code: int, message: str = "it said no", headers: Mapping[str, str] | None = None) -> Fault:
    """Answers with an error in the form of OpenAI's."""
    body = json.dumps({"error": {"message": message, "type": "staged", "code": code}}).encode()
    return lambda handler: handler.reply(code, body, {"Retry-After": "0.02", **(headers or {})})


def page(text: bytes, code: int = 200, kind: str = "application/json") -> Fault:
    """Answers with these bytes."""
    return lambda handler: handler.reply(code, text, kind=kind)


def answer(text: str | None, finish: str = "stop", tokens: list[dict[str, Any]] | None = None, **message: Any) -> Fault:
    """Answers as a model that wrote `text`; `tokens` are the log-probabilities in OpenAI's form."""
    choice = {
        "index": 0,
        "finish_reason": finish,
        "message": {"role": "assistant", "content": text, **message},
        "logprobs": {"content": tokens} if tokens else None,
    }
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    told = {"id": "a", "object": "chat.completion", "created": 0, "model": "tiny", "choices": [choice], "usage": usage}
    return page(json.dumps(told).encode())


def reset(handler: Handler) -> None:
    """Breaks the connection without an answer."""
    handler.close_connection = True
    _reset(handler.connection)


def cut_off(handler: Handler) -> None:
    """Breaks it in the middle of the answer."""
    handler.close_connection = True
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"id": "a", "choices": [{"mess')


def late(seconds: float) -> Fault:
    """Answers after that time, or never where the server dies before."""

    def wait(handler: Handler) -> None:
        if not handler.faulty.dead.wait(seconds):
            answer(handler.faulty.answer)(handler)

    return wait


def dying(seconds: float) -> Fault:
    """Takes the whole server along, which is back after that time."""

    def die(handler: Handler) -> None:
        handler.close_connection = True
        time.sleep(0.1)  # others come in meanwhile
        if not handler.faulty.dead.is_set():
            handler.faulty.die_for(seconds)

    return die


def _reset(connection: socket.socket) -> None:
    """RST instead of FIN."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RD)  # wakes the thread that reads it
        os.close(connection.detach())
    except OSError:
        return
