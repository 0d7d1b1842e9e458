// Asks Ajv about replies as they come. The argument is the folder with its packages. The first line is the components
// that all schemas refer to; each other line is a schema and a text, answered by a line with what is wrong, or null.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(process.argv.at(-1) + "/");
const Ajv = require("ajv/dist/2020").default;
const { default: addFormats } = require("ajv-formats");
const ajv = addFormats(new Ajv({ strict: false }));
const validators = new Map();
let components;

function validator(schema) {
  const name = JSON.stringify(schema);
  if (!validators.has(name)) {
    validators.set(name, ajv.compile({ ...schema, components }));
  }
  return validators.get(name);
}

for await (const line of createInterface({ input: process.stdin })) {
  if (components === undefined) {
    components = JSON.parse(line);
    continue;
  }
  const [schema, text] = JSON.parse(line);
  const validate = validator(schema);
  const wrong = validate(JSON.parse(text)) ? null : ajv.errorsText(validate.errors);
  process.stdout.write(JSON.stringify(wrong) + "\n");
}
