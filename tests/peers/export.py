"""What a plain script needs to send the same bodies: one connection, one request after the other, no database.

usage: export.py BASE TOKEN WRITES OP [--batch]     WRITES: JSON [{"request": "PUT /products/1", "body": "…"}, …]
"""
import http.client
import json
import sys
from pathlib import Path
from urllib.parse import urlsplit

from measure import Measure

base, token, op, size = urlsplit(sys.argv[1]), sys.argv[2], sys.argv[4], 100
writes = [(*write["request"].split(" "), json.loads(write["body"])) for write in json.loads(Path(sys.argv[3]).read_text())]
headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
connection = http.client.HTTPConnection(base.hostname, base.port)


def send(method, path, body):
    connection.request(method, path, json.dumps(body), headers)
    answer = connection.getresponse()
    told = json.loads(answer.read())
    if answer.status != 200:
        raise SystemExit(f"{method} {path}: {answer.status} {told}")
    return told


measure = Measure()
if "--batch" in sys.argv:
    for start in range(0, len(writes), size):
        items = [{"id": int(path.rsplit("/", 1)[1]), "values": body} for _, path, body in writes[start : start + size]]
        told = send("PUT", "/products/batch", {"items": items})
        if any(result["status"] != 200 for result in told["results"]):
            raise SystemExit(f"a batch was not taken whole: {told}")
else:
    for method, path, body in writes:
        send(method, path, body)
measure.report("script", op, len(writes))
