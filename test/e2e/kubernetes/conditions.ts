import { type Api, type KubernetesObject, until } from "./api.ts";

/** What an object says of itself: `status` is True, False or Unknown. */
export const conditionOf = ({ status }: KubernetesObject, type: string): { status: string; message?: string } =>
  status?.conditions?.find((one: { type: string }) => one.type === type) ?? { status: "Unknown" };

export async function nodeReady(api: Api, name: string): Promise<void> {
  await until(`Node ${name} is Ready`, 300, async () => {
    const { status, message } = conditionOf(await api.get(`/api/v1/nodes/${name}`), "Ready");
    if (status === "True") return true;
    throw new Error(message ?? "no condition yet");
  });
}
