import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { runPlugin } from "./plugin.ts";
import { places, type Settings } from "./settings.ts";
import { aside, putWhole } from "./whole-file.ts";

const plugin = join(places.plugins, "ipvlan");

/** Puts the image's plugin into the host's folder of plugins, over an older one too. @returns whether anything changed */
export async function installPlugin({ image }: Settings): Promise<boolean> {
  return putWhole(plugin, readFileSync(join(image, "ipvlan")), 0o755);
}

/**
 * Takes the plugin away again, unless containers are attached: their end needs it.
 * @returns how many there are
 */
export async function removePlugin({ image }: Settings): Promise<number> {
  const { status, stdout, stderr } = await runPlugin(join(image, "ipvlan"), ["list", "--json"]);
  if (status !== 0) throw new Error(`ipvlan list: ${stderr || status}`);
  const { attachments } = JSON.parse(stdout) as { attachments: readonly { alive: boolean }[] };
  const alive = attachments.filter((one) => one.alive).length;
  rmSync(join(places.plugins, aside), { recursive: true, force: true });
  if (alive === 0) rmSync(plugin, { force: true });
  return alive;
}
