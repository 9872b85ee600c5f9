"""faucet-stream: REST source to SQLite with upsert by id. Time and CPU are those of the whole program.

usage: faucet_products.py BINARY BASE FOLDER OP full|cursor [--fresh]
"""
import json
import shutil
import sys
from pathlib import Path

from measure import report, run

binary, base, folder, op, mode = sys.argv[1:6]
work = Path(folder).absolute()
database, state = work / "faucet.db", work / "faucet_state"
if "--fresh" in sys.argv:
    shutil.rmtree(state, ignore_errors=True)
    for suffix in ("", "-wal", "-shm"):
        Path(f"{database}{suffix}").unlink(missing_ok=True)
source = {"base_url": base, "path": "/products", "records_path": "$.data[*]",
          "pagination": {"type": "PageNumber", "param_name": "page", "start_page": 1}}
sink = {"database_url": f"sqlite:{database}", "table_name": "products", "column_mapping": "auto_map", "write_mode": "upsert", "key": ["id"]}
pipeline = {"source": {"type": "rest", "config": source}, "sink": {"type": "sqlite", "config": sink}}
if mode == "cursor":
    source |= {"replication_method": {"type": "Incremental"}, "replication_key": "updated_at",
               "replication_bind": {"into": "query", "name": "updated_since"}, "state_key": "products"}
    pipeline["state"] = {"type": "file", "config": {"path": str(state)}}
config = work / f"faucet_{mode}.json"
config.write_text(json.dumps({"version": 1, "name": "products", "pipeline": pipeline}))
output, wall, cpu, rss = run([binary, "run", config, "--output", "json", "--log-level", "error", "--no-env-file"], cwd=work)
report("faucet-stream", op, json.loads(output)["totals"]["rows_out"], wall, cpu, rss)
