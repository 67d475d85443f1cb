"""Writes description.json: what GitHub's published OpenAPI description says of the requests that soak sends.

Usage: python3 tests/github_api/excerpt.py api.github.com.json
The file is generated/api.github.com.json of the npm package @octokit/openapi 23.0.2. Only the structure is taken, none
of its prose; of the answers only the properties that the stand-in of the API gives, and then no others are allowed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

REPOSITORY = "/repos/{owner}/{repo}"
RUN = ("id", "name", "path", "head_branch", "head_sha", "status", "conclusion", "workflow_id", "run_attempt")
# method, path, the key below which an answer has its rows or None, the properties that are given
OPERATIONS: tuple[tuple[str, str, str | None, tuple[str, ...]], ...] = (
    ("get", REPOSITORY, None, ("full_name", "default_branch")),
    ("get", f"{REPOSITORY}/actions/artifacts", "artifacts", ()),
    ("delete", f"{REPOSITORY}/actions/artifacts/{{artifact_id}}", None, ()),
    ("get", f"{REPOSITORY}/actions/runs", "workflow_runs", RUN),
    ("get", f"{REPOSITORY}/actions/runs/{{run_id}}", None, RUN),
    ("get", f"{REPOSITORY}/actions/workflows/{{workflow_id}}/runs", "workflow_runs", RUN),
    ("get", f"{REPOSITORY}/releases", None, ("id", "tag_name", "draft", "prerelease", "target_commitish")),
    ("get", f"{REPOSITORY}/tags", None, ("name", "commit")),
)
PROSE = {"title", "description", "example", "examples", "externalDocs", "x-octokit", "x-multi-segment"}


def excerpt(description: dict[str, Any]) -> dict[str, Any]:
    """Return method and path of each operation with the schemas of its parameters and of its answer."""
    found: dict[str, Any] = {"version": description["info"]["version"], "operations": {}}
    for method, path, key, kept in OPERATIONS:
        operation = description["paths"][path][method]
        parameters = [resolved(each, description) for each in operation.get("parameters", ())]
        success = next(code for code in operation["responses"] if code.startswith("2"))
        answer = resolved(operation["responses"][success], description).get("content", {})
        schema = answer.get("application/json", {}).get("schema")
        found["operations"][f"{method.upper()} {path}"] = {
            "parameters": [
                {name: each.get(name) for name in ("name", "in", "required", "schema")} for each in parameters
            ],
            "body": "requestBody" in operation,
            "status": int(success),
            "answer": schema and narrowed(schema, key, kept),
        }
    return found


def resolved(node: Any, description: dict[str, Any]) -> Any:
    """Return a node with all that it refers to in its place, without prose, as JSON Schema writes what may be null."""
    if isinstance(node, list):
        return [resolved(each, description) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target: Any = description
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        return resolved(target, description)
    is_schema = isinstance(node.get("type"), str)
    kept = {name: each for name, each in node.items() if not (name in PROSE and (is_schema or isinstance(each, str)))}
    found = {name: resolved(each, description) for name, each in kept.items() if name not in {"nullable", "examples"}}
    return {"anyOf": [found, {"type": "null"}]} if node.get("nullable") else found


def narrowed(schema: dict[str, Any], key: str | None, kept: tuple[str, ...]) -> dict[str, Any]:
    """Return the schema of an answer with nothing but the properties `kept` in its rows; all of them without any."""
    if key is not None:
        rows = narrowed(schema["properties"][key], None, kept)
        return {**schema, "properties": {**schema["properties"], key: rows}, "additionalProperties": False}
    if schema.get("type") == "array":
        return {**schema, "items": narrowed(schema["items"], None, kept)}
    properties = {name: each for name, each in schema["properties"].items() if not kept or name in kept}
    required = [name for name in schema.get("required", ()) if name in properties]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


if __name__ == "__main__":
    written = excerpt(json.loads(Path(sys.argv[1]).read_text("utf-8")))
    text = json.dumps(written, indent=1, sort_keys=True) + "\n"
    (Path(__file__).parent / "description.json").write_text(text, "utf-8")
