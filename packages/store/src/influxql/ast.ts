/** The syntax tree of InfluxQL, as far as Hostwire knows it. */

export type Cast = 'field' | 'tag' | 'float' | 'integer' | 'string' | 'boolean';

export type CompareOp = '=' | '!=' | '<' | '<=' | '>' | '>=' | '=~' | '!~';
export type MathOp = '+' | '-' | '*' | '/' | '%' | '&' | '|' | '^';
export type BinaryOp = CompareOp | MathOp | 'AND' | 'OR';

export interface Ref {
  readonly kind: 'ref';
  readonly name: string;
  readonly cast?: Cast;
}
export interface Call {
  readonly kind: 'call';
  /** Lower case. */
  readonly name: string;
  readonly args: readonly Expr[];
}
export interface Binary {
  readonly kind: 'binary';
  readonly op: BinaryOp;
  readonly left: Expr;
  readonly right: Expr;
}
export interface Wildcard {
  readonly kind: 'wildcard';
  readonly cast?: 'field' | 'tag';
}
export type Expr =
  | Ref
  | Call
  | Binary
  | Wildcard
  | { readonly kind: 'paren'; readonly expr: Expr }
  | { readonly kind: 'integer'; readonly value: bigint }
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'boolean'; readonly value: boolean }
  /** Nanoseconds. */
  | { readonly kind: 'duration'; readonly ns: bigint }
  | { readonly kind: 'regex'; readonly regex: RegExp };

export interface SelectField {
  readonly expr: Expr;
  readonly alias?: string;
}

export interface Measurement {
  readonly kind: 'measurement';
  readonly database?: string;
  readonly retention?: string;
  readonly name?: string;
  readonly regex?: RegExp;
}
export interface Subquery {
  readonly kind: 'subquery';
  readonly select: Select;
}
export type Source = Measurement | Subquery;

export type Fill =
  | { readonly kind: 'null' | 'none' | 'previous' | 'linear' }
  | { readonly kind: 'number'; readonly value: number | bigint };

export interface Select {
  readonly kind: 'select';
  readonly fields: readonly SelectField[];
  readonly sources: readonly Source[];
  readonly where: Expr | null;
  /** Tags by name, `*` or regular expression; `time(...)` is in `interval`. */
  readonly dimensions: readonly (Ref | Wildcard | { readonly kind: 'regex'; readonly regex: RegExp })[];
  /** The calls in GROUP BY, of which there may be one, `time(d[, offset])`; an empty name stands for what is neither call nor tag. */
  readonly times: readonly Call[];
  readonly fill: Fill;
  readonly descending: boolean;
  readonly limit: number;
  readonly offset: number;
  readonly slimit: number;
  readonly soffset: number;
  readonly timeZone: string | null;
}

export interface ShowFilter {
  readonly database: string | null;
  readonly sources: readonly Measurement[];
  readonly where: Expr | null;
  readonly limit: number;
  readonly offset: number;
}

export type Show =
  | { readonly kind: 'show-databases' }
  | { readonly kind: 'show-retention-policies'; readonly database: string | null }
  | (ShowFilter & { readonly kind: 'show-measurements' | 'show-tag-keys' | 'show-field-keys' | 'show-series' })
  | (ShowFilter & {
      readonly kind: 'show-tag-values';
      readonly keys: { readonly op: '=' | '!='; readonly names: readonly string[] } | { readonly op: '=~' | '!~'; readonly regex: RegExp };
    });

export type Statement =
  | Select
  | Show
  | { readonly kind: 'create-database'; readonly name: string }
  /** Well-formed InfluxQL that Hostwire does not answer; `what` names it. */
  | { readonly kind: 'unsupported'; readonly what: string };
