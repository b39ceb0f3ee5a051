import network from "../../schemas/network-configuration.schema.json" with { type: "json" };
import list from "../../schemas/network-configuration-list.schema.json" with { type: "json" };
import { FINE, type Run } from "./command.ts";

export const schema: Run = ({ arguments: given, terminal }) => {
  terminal.printJson(given.has("list") ? list : network);
  return FINE;
};
