"""A lsk that makes files of the right names and serves /metrics only. FAKE_LSK_LOG names a file that every command is written to; FAKE_LSK_FAIL a command that fails."""
import http.server
import json
import os
import signal
import struct
import sys

command = sys.argv[1]
with open(os.environ["FAKE_LSK_LOG"], "a") as log:
    log.write(" ".join(sys.argv[1:]) + "\n")
if os.environ.get("FAKE_LSK_FAIL") == command:
    sys.exit(f"{command} was told to fail")


class Metrics(http.server.BaseHTTPRequestHandler):
    runs = 0

    def do_GET(self):
        Metrics.runs += 10  # scrapes: every run of the model scored 2.5 requests
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"lsk_batch_requests_sum {25 * Metrics.runs / 10}\nlsk_batch_requests_count {Metrics.runs}\nlsk_other 7\n".encode())

    def log_message(self, *_):
        pass


if command == "demo":
    os.makedirs("demo")
    open("demo/demo.lsklog", "w").close()
elif command == "train":
    header = json.dumps({"item_embedding": {"dtype": "F32", "shape": [321, 64], "data_offsets": [0, 4]}}).encode()
    with open("load.lskmodel", "wb") as model:
        model.write(struct.pack("<Q", len(header)) + header)
elif command == "summarize":
    print(json.dumps({"progress": {"users": 3}}))
elif command == "info":
    print(json.dumps({"machine": {"processor": "Abacus", "threads": 2}}))
elif command == "serve":
    server = http.server.HTTPServer(("127.0.0.1", 0), Metrics)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    print(f"Listening on http://127.0.0.1:{server.server_port}.", flush=True)
    server.serve_forever()
