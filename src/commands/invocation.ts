import type { Environment } from "../cni/environment.ts";

/** One call of the plugin: what came in, and where answers go. */
export interface Invocation {
  readonly environment: Environment;
  /** The process's environment, for delegated plugins. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly stdin: string;
  /** Writes on standard output. */
  readonly print: (text: string) => void;
  /** One line on standard error. */
  readonly warn: (message: string) => void;
}
