/**
 * Error codes: 1 to 99 are the CNI specification's (SPEC.md, section 2, "Error"), 100 and above are this plugin's own.
 * docs/errors.md says what to do about each.
 */
export const ErrorCode = {
  incompatibleVersion: 1,
  unsupportedField: 2,
  unknownContainer: 3,
  invalidEnvironment: 4,
  ioFailure: 5,
  decodeFailure: 6,
  invalidConfiguration: 7,
  tryAgainLater: 11,
  notAvailable: 50,
  notAvailableLimited: 51,
  /** A parent that cannot carry ipvlan: missing, down, of a kind that refuses it. */
  parent: 100,
  /** Mode or flag differ from those that live attachments on the parent use. */
  modeConflict: 101,
  /** The interface name is taken in the container's namespace. */
  interfaceExists: 102,
  /** An address asked for is taken, or a container already holds one. */
  addressTaken: 103,
  /** No address is free. */
  poolExhausted: 104,
  /** The kernel refused a netlink request or a system call. */
  kernel: 105,
  /** A delegated IPAM plugin failed in a way that is not a CNI error of its own. */
  delegate: 106,
  /** CHECK found a difference between what is recorded and what the kernel has. */
  checkFailed: 107,
  /** The host's settings or links keep host access or announcing from working. */
  hostAccess: 108,
  /** Another machine of the parent's network has an address that is to be used. */
  addressInUse: 109,
  /** A mistake in this program. */
  internal: 199,
} as const;

/** One of the numbers of {@link ErrorCode}; a delegated plugin's error brings its own. */
export type ErrorCode = number;

/** An error that reaches the runtime as the specification's error object. */
export class PluginError extends Error {
  override readonly name = "PluginError";
  readonly code: ErrorCode;
  /** JSON pointer into the configuration, or the call and errno name. Empty where the message says all. */
  readonly details: string;

  /**
   * @param code one of {@link ErrorCode}
   * @param message one line: what is wrong, where, and what to do
   */
  constructor(code: ErrorCode, message: string, details = "") {
    super(message);
    this.code = code;
    this.details = details;
  }
}
