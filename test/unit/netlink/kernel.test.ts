import t from "tap";
import { lackOfNamespaces, runCases } from "../system/lib/runtimes.ts";

t.test("src/netlink with this machine's kernel", { skip: lackOfNamespaces() ?? false }, async (t) => {
  await runCases(t, "../../netlink/lib/kernel-cases.ts", () => [], { wrapper: ["unshare", "--net"] });
});
