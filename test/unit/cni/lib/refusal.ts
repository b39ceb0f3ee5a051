import { PluginError } from "../../../../src/errors.ts";

/** The PluginError that a function throws; anything else fails the test. */
export function refusal(run: () => unknown): PluginError {
  let result: unknown;
  try {
    result = run();
  } catch (error) {
    if (error instanceof PluginError) return error;
    throw error;
  }
  throw new Error(
    `not refused: ${JSON.stringify(result, (_, value) => (typeof value === "bigint" ? `${value}` : value))}`,
  );
}
