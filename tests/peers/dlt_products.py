"""dlt: merges /products into SQLite by id, with primary keys (without them a full fetch takes minutes).

usage: dlt_products.py BASE FOLDER OP full|cursor [--fresh]
"""
import os
import shutil
import sys
from pathlib import Path

base, folder, op, mode = sys.argv[1:5]
work = Path(folder).absolute()
os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR", "DLT_DATA_DIR": str(work / "dlt-data")}
os.chdir(work)
import dlt  # noqa: E402  (after the environment that it reads)
from dlt.sources.rest_api import rest_api_source  # noqa: E402

from measure import Measure  # noqa: E402

name = f"products_{mode}"
if "--fresh" in sys.argv:
    shutil.rmtree(work / "pipelines" / name, ignore_errors=True)
    for file in work.glob(f"{name}.db*"):
        file.unlink()
endpoint = {"path": "products", "data_selector": "data", "paginator": {"type": "json_link", "next_url_path": "next"}}
if mode == "cursor":
    endpoint |= {"params": {"updated_since": "{incremental.start_value}"}, "incremental": {"cursor_path": "updated_at", "initial_value": ""}}
resource = {"name": "products", "primary_key": "id", "write_disposition": {"disposition": "merge", "strategy": "delete-insert"}, "endpoint": endpoint}
pipeline = dlt.pipeline(name, pipelines_dir=str(work / "pipelines"), dataset_name="main",
                        destination=dlt.destinations.sqlalchemy(f"sqlite:///{work / name}.db", create_primary_keys=True))
measure = Measure()
pipeline.run(rest_api_source({"client": {"base_url": base}, "resources": [resource]}))
counts = pipeline.last_trace.last_normalize_info.row_counts if pipeline.last_trace and pipeline.last_trace.last_normalize_info else {}
measure.report("dlt", op, counts.get("products", 0))
