// `process` for the tests' scripts where they run without Node. Nothing is read before the process has started.
import { port } from "#system";

export const process = {
  get argv() {
    return ["ipvlan", ...port.argv];
  },
  get env() {
    return port.environment;
  },
  get pid() {
    return port.pid;
  },
  exit: (code: number) => port.exit(code),
  on: () => {},
};
