"""A small OpenAI-compatible server over a model of ours: real HTTP on the loopback, shared batches."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

__all__ = ["completion", "served"]


@contextmanager
def served(name: str, *, batch_size: int = 32) -> Iterator[str]:
    """Serve a model while the block runs; gives the base URL, without a slash at its end."""
    from instincts.models.chat import render
    from instincts.models.decoding import Sampling
    from instincts.models.opening import open_model
    from instincts.models.queue import BatchQueue

    opened, queue = open_model(name), BatchQueue(batch_size)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            assert self.path == "/v1/chat/completions", self.path
            prompt = render(opened.tokenizer, asked["messages"])
            room = asked.get("max_completion_tokens") or asked.get("max_tokens") or 64
            sampling = Sampling(temperature=asked.get("temperature", 1.0), max_tokens=room)
            answer = queue.submit(opened, prompt, sampling, asked.get("seed") or 0, batch_size).result()
            text = opened.tokenizer.decode(answer.tokens, skip_special_tokens=True)
            self._reply(completion(name, str(text), len(prompt), len(answer.tokens), ended=answer.ended))

        def _reply(self, body: dict[str, Any]) -> None:
            content = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Write nothing: the test's own output is enough."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def completion(model: str, text: str, read: int, written: int, *, ended: bool) -> dict[str, Any]:
    """Lay out an answer as OpenAI's chat completions do."""
    return {
        "id": "chatcmpl-0",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": "stop" if ended else "length",
            }
        ],
        "usage": {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written},
    }
