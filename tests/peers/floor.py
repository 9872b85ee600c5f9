"""The floor: what plain Python needs to keep one SQLite table in step with the product API.

usage: floor.py BASE FOLDER OP [--fresh]     http.client, json, sqlite3 (WAL, NORMAL); a row is written where its hash changed.
"""
import hashlib
import http.client
import json
import sqlite3
import sys
from pathlib import Path
from urllib.parse import urlsplit

from measure import Measure

UPSERT = """insert into products values (?, ?, ?, ?, ?, ?, ?) on conflict (id) do update set sku = excluded.sku, title = excluded.title,
price = excluded.price, updated_at = excluded.updated_at, hash = excluded.hash, body = excluded.body where products.hash <> excluded.hash"""


def row(product):
    body = json.dumps(product, separators=(",", ":"))
    return (*(product[key] for key in ("id", "sku", "title", "price", "updated_at")), hashlib.blake2b(body.encode(), digest_size=16).digest(), body)


base, folder, op = urlsplit(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
if "--fresh" in sys.argv:
    for suffix in ("", "-wal", "-shm"):
        (folder / f"floor.db{suffix}").unlink(missing_ok=True)
database = sqlite3.connect(folder / "floor.db", isolation_level=None)
database.execute("pragma journal_mode = wal")
database.execute("pragma synchronous = normal")
database.execute("create table if not exists products (id integer primary key, sku text, title text, price text, updated_at text, hash blob, body text)")
connection = http.client.HTTPConnection(base.hostname, base.port)
measure, records, path = Measure(), 0, "/products?page=1"
before = database.total_changes
while path:
    connection.request("GET", path)
    page = json.loads(connection.getresponse().read())
    database.execute("begin immediate")
    database.executemany(UPSERT, [row(product) for product in page["data"]])
    database.execute("commit")
    records += len(page["data"])
    following = page["next"] and urlsplit(page["next"])
    path = following and f"{following.path}?{following.query}"
measure.report("floor", op, records, written=database.total_changes - before)
