export interface Schema {
  title?: string;
  $defs?: Record<string, { title?: string }>;
  [keyword: string]: unknown;
}

export interface NamedSchema {
  /** The file's name without `.schema.json`. */
  name: string;
  schema: Schema;
}

/**
 * The file's name, by which other schemas refer to it: editors and check-jsonschema look for it beside the one that they were given.
 * An $id would send them elsewhere.
 */
export const fileNameOf = (name: string): string => `${name}.schema.json`;
