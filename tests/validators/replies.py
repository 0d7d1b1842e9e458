"""Asks Python's `jsonschema` about replies as they come.

The first line is the components that all schemas refer to; each other line is a schema and a text, answered by a line
with what is wrong, or null.
"""

import json
import sys

from jsonschema import Draft202012Validator

components = json.loads(sys.stdin.readline())
validators = {}


def validator(schema):
    name = json.dumps(schema)
    if name not in validators:
        whole = {**schema, "components": components}
        Draft202012Validator.check_schema(whole)
        validators[name] = Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)
    return validators[name]


for line in sys.stdin:
    schema, text = json.loads(line)
    error = next(validator(schema).iter_errors(json.loads(text)), None)
    print(json.dumps(error and f"at {error.json_path}: {error.message}"), flush=True)
