"""Write the JSON Schemas of the files of configs/ for editors: configs/schemas/*.json.

Usage: python -m training.config_schemas
A test fails while the files differ from what pipeline/knowledge/schema.py says.
"""

import json

from pipeline.knowledge.places import configs
from pipeline.knowledge.schema import schemas


def main() -> int:
    """Write all schemas."""
    for name, schema in schemas().items():
        path = configs() / "schemas" / f"{name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(schema, indent=1) + "\n")
        print(path.name)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
