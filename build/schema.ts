export interface Schema {
  $id: string;
  title?: string;
  $defs?: Record<string, { title?: string }>;
  [keyword: string]: unknown;
}

export interface NamedSchema {
  /** The file's name without `.schema.json`. */
  name: string;
  schema: Schema;
}
