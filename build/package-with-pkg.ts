// BUNDLE OUTPUT ARCH: makes a single executable application of a bundle. pkg's command line would download a Node;
// its SEA builder, called as a module, takes the one that is installed.
import { createRequire } from "node:module";
import { type Arch, nodeBinary } from "./runtimes.ts";

interface SeaOptions {
  targets: { platform: string; arch: string; nodeRange: string; output: string }[];
  nodePath: string;
  seaConfig: object;
}

const sea: (entry: string, options: SeaOptions) => Promise<void> = createRequire(import.meta.url)(
  "@yao-pkg/pkg/lib-es5/sea",
).default;

const [bundle, output, arch] = process.argv.slice(2) as [string, string, Arch];
await sea(bundle, {
  targets: [{ platform: "linux", arch, nodeRange: "node26", output }],
  nodePath: nodeBinary(arch),
  seaConfig: {
    mainFormat: "module",
    // node:ffi warns that it is experimental. OpenSSL's configuration is none of a CNI plugin's business, and a broken
    // one would keep Node from starting.
    execArgv: ["--disable-warning=ExperimentalWarning", "--openssl-config=/dev/null"],
    // NODE_OPTIONS is not read.
    execArgvExtension: "none",
  },
});
