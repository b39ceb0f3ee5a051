import { at } from "../../../build/paths.ts";
import { must } from "../../machine/process.ts";

export { at } from "../../../build/paths.ts";

export const releaseFolder = at("dist/release");

/** `npm run release -- NAME...`: makes what is missing or old. */
export async function release(...names: readonly string[]): Promise<void> {
  await must(process.execPath, [at("build/release.ts"), ...names]);
}
