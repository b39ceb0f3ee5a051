/** The reference plugins (containernetworking/plugins) that this plugin is compared and chained with. */

import { type GoResult, goTools } from "./go-tools.ts";

/** The newest release. */
export const referenceVersion = "1.10.0";

/** Debian's package containernetworking-plugins: what is there where Go, which builds the newest, is not. */
export const packagedVersion = "1.1.1";
export const packagedFolder = "/usr/lib/cni";

const plugins = [
  ..."main/ipvlan ipam/dhcp ipam/host-local ipam/static".split(" "),
  ..."meta/bandwidth meta/firewall meta/portmap meta/sbr meta/tuning meta/vrf".split(" "),
];

/** The folder of the newest plugins, or why they cannot be had. */
export function newestPlugins(): GoResult {
  const sources = plugins.map((name) => `github.com/containernetworking/plugins/plugins/${name}`);
  return goTools(sources, `v${referenceVersion}`, `plugins-${referenceVersion}`);
}
