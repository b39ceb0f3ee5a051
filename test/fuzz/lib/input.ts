/** What one play does: files that are there, and calls of the plugin. */
export interface Input {
  readonly files: readonly { readonly path: string; readonly text: string }[];
  readonly calls: readonly Call[];
}

export interface Call {
  readonly environment: Readonly<Record<string, string>>;
  readonly stdin: Buffer;
}

export const command = ({ environment }: Call): string => environment.CNI_COMMAND ?? "";
