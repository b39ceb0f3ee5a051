// PORT KUBECONFIG: the stand-in as a program of its own; other objects than claims are put there by PUT.
import { startStandIn } from "./kubernetes-stand-in.ts";

const [port, kubeconfig] = process.argv.slice(2) as [string, string];
await startStandIn(kubeconfig, Number(port));
process.stdout.write("ready\n");
