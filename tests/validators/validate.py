"""Asks Python's `jsonschema`: a file of cases in, one verdict per text out, null where it is valid."""

import json
import sys

from jsonschema.validators import validator_for


def verdicts(case):
    kind = validator_for(case["schema"])
    kind.check_schema(case["schema"])
    validator = kind(case["schema"], format_checker=kind.FORMAT_CHECKER)
    return [verdict(validator, text) for text in case["texts"]]


def verdict(validator, text):
    try:
        value = json.loads(text)
    except ValueError as error:
        return str(error)
    error = next(validator.iter_errors(value), None)
    return None if error is None else f"at {error.json_path}: {error.message}"


with open(sys.argv[1], encoding="utf-8") as cases:
    json.dump([verdicts(case) for case in json.load(cases)], sys.stdout)
