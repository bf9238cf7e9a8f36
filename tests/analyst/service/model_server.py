"""A model's server in a process of its own, OpenAI-compatible and slow.

    python -m tests.analyst.service.model_server PORT SECONDS HOLD

While the file HOLD exists it answers nobody.
Nothing but the standard library, so that it is there at once. The first line of stdout is the port; then comes a line
for every question that has arrived, so that a test knows what is in flight when it kills the process.
"""

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.serving import completion


def main() -> None:
    """Serve until killed."""
    port, seconds, hold = int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3])

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            print("asked", flush=True)  # noqa: T201 - the test reads it
            time.sleep(seconds)
            while hold.exists():
                time.sleep(0.02)
            content = json.dumps(completion("scripted", reply(asked["messages"]), 100, 40, ended=True)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Write nothing beside what the test reads."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)  # noqa: T201 - the test reads it
    server.serve_forever()


def reply(messages: list[dict[str, Any]]) -> str:
    """Grow a tree by words, as `scripted.grown` does, in the JSON that was asked for."""
    asked = json.loads(messages[-1]["content"])
    found: dict[str, Any] = {"case": asked["case"]}
    if "Effects of a harm" in messages[0]["content"]:
        death = {"e": "A", "x": "major", "p": "high", "now": True}
        hurt = {"e": "B", "x": "substantial", "p": "high", "now": True}
        harm = {"who": "office", "kind": "institution", "acts": [{"id": 9, "fx": [death, hurt]}]}
        found["harms"] = [harm] if "zordan" in json.dumps(asked["prompt"]) else []
    if "Effects of a benefit" in messages[0]["content"]:
        gain = {"e": "J", "x": "significant", "p": "high", "now": True}
        found["benefits"] = [{"who": "asker", "kind": "user", "acts": [{"text": "knows the steps", "fx": [gain]}]}]
    return json.dumps(found)


if __name__ == "__main__":
    main()
