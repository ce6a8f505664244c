// Answers the questions of test_live.py: one JSON list of calls from the standard input, answers to the output.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const live = await import(pathToFileURL(process.argv[2]));
const calls = JSON.parse(readFileSync(0, "utf8"));
const spelled = (_, value) => typeof value === "number" && !Number.isFinite(value) ? String(value)
  : ArrayBuffer.isView(value) ? Array.from(value) : value;
const answer = ([name, ...given]) => {
  const found = live[name](...given);
  if (found && found.setting) delete found.setting;
  if (found && found.neurons) delete found.neurons;
  return found;
};
process.stdout.write(JSON.stringify(calls.map(answer), spelled));
