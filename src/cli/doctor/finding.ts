/** Something that is not as it should be on a host. */
export interface HostFinding {
  /** A short name that stays the same from version to version: `parent-down`. */
  readonly id: string;
  /** error: containers are cut off, or cannot start. warning: it will lead there, or costs something. */
  readonly severity: "error" | "warning";
  /** A network, link, container, file: what to look at. */
  readonly place: string;
  readonly message: string;
  /** A command that mends it; undefined where somebody has to decide first. */
  readonly mend?: string | undefined;
}
