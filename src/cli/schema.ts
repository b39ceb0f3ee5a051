import network from "../../schemas/network-configuration.schema.json" with { type: "json" };
import list from "../../schemas/network-configuration-list.schema.json" with { type: "json" };
import { FINE, type Run } from "./command.ts";

export const schema: Run = ({ arguments: given, terminal }) => {
  terminal.printJson(given.has("list") ? wholeList() : network);
  return FINE;
};

/** The schema of lists with that of an entry in it: what is printed has no file beside it to refer to. */
function wholeList(): object {
  const { $defs, $schema: _, ...entry } = network;
  const text = JSON.stringify({ ...list, $defs: { ...$defs, entry } });
  return JSON.parse(text.replaceAll('"network-configuration.schema.json"', '"#/$defs/entry"'));
}
