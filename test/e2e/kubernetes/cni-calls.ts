/** A record of the calls that a node's runtime makes of the plugin, and of what is reserved on the node before and behind each. */
import type { ClusterNode } from "./nodes.ts";

/** A folder that the runtime looks into before the plugin's own; it outlives a boot, the record does not. */
export const recorderFolder = "/opt/cni/recorder";
const record = "/var/log/cni-calls.log";

export interface CniCall {
  readonly command: string;
  readonly containerId: string;
  /** Of the plugin. */
  readonly exitCode: number;
  /** How many addresses are reserved, of containers of all kinds. */
  readonly reservedBefore: number;
  readonly reservedBehind: number;
}

/** Shell: the addresses that are reserved on a node, one a line; files beside them, such as last_reserved_ip.0, are left out. */
export const listReserved =
  "find /var/lib/cni/networks -type f -not -path '*/.*' | sed 's|.*/||' | grep -E '^[0-9.]+$|:'";

const recorder = `#!/bin/sh
reserved() { ${listReserved} | wc -l; }
before=$(reserved)
/opt/cni/bin/ipvlan "$@"
code=$?
echo "$CNI_COMMAND \${CNI_CONTAINERID:--} $code $before $(reserved)" >> ${record}
exit $code
`;

/** Begins with the node's next call. */
export async function recordCalls({ host }: ClusterNode): Promise<void> {
  await host.ok(`rm -f ${record}; mkdir -p ${recorderFolder}
cat > ${recorderFolder}/ipvlan <<'END'\n${recorder}END
chmod 755 ${recorderFolder}/ipvlan`);
}

/**
 * Waits for the first ADD that is over, when others are under way, and records anew from then on. What is reserved is on the disk.
 * @returns how many ADDs are over
 */
export async function firstAdds({ host }: ClusterNode): Promise<number> {
  const script = `until grep -qs ^ADD ${record}; do sleep 0.05; done; sync; grep -c ^ADD ${record}; : > ${record}`;
  return Number(await host.ok(script, { timeoutMs: 120_000 }));
}

export async function stopRecording({ host }: ClusterNode): Promise<void> {
  await host.ok(`rm -rf ${recorderFolder} ${record}`);
}

/** The calls since the recording began, or by {@link firstAdds} anew, or since the node's last boot, in the order of their ends. */
export async function recordedCalls({ host }: ClusterNode): Promise<CniCall[]> {
  const lines = (await host.ok(`cat ${record} 2>/dev/null || true`)).split("\n").filter((line) => line !== "");
  return lines.map((line) => {
    const [command = "", containerId = "", ...numbers] = line.split(" ");
    const [exitCode = 0, reservedBefore = 0, reservedBehind = 0] = numbers.map(Number);
    return { command, containerId, exitCode, reservedBefore, reservedBehind };
  });
}
