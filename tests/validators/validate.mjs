// Asks Ajv: a file of cases in, one verdict per text out, null where it is valid. The second argument is the folder
// with its packages.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [, , file, packages] = process.argv;
const require = createRequire(packages + "/");
const { default: addFormats } = require("ajv-formats");
const dialects = new Map([
  ["http://json-schema.org/draft-07/schema", require("ajv").default],
  ["https://json-schema.org/draft/2020-12/schema", require("ajv/dist/2020").default],
]);

function verdicts({ schema, texts }) {
  const dialect = dialects.get(schema.$schema.replace(/#$/, ""));
  const ajv = new dialect({ strict: false, allErrors: false });
  addFormats(ajv);
  const validate = ajv.compile(schema);
  return texts.map((text) => verdict(ajv, validate, text));
}

function verdict(ajv, validate, text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return error.message;
  }
  return validate(value) ? null : ajv.errorsText(validate.errors);
}

const cases = JSON.parse(readFileSync(file, "utf8"));
process.stdout.write(JSON.stringify(cases.map(verdicts)));
