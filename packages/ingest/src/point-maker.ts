import type { PointGroup, Sample } from '@hostwire/model';
import type { FieldTypeSource } from './field-types.ts';
import { toPoints } from './to-points.ts';

/** The points of samples, typed by what is known of their catalogs at that time. */
export class PointMaker {
  readonly #types: FieldTypeSource;
  readonly #database: string;

  constructor(types: FieldTypeSource, database: string) {
    this.#types = types;
    this.#database = database;
  }

  /** A promise only if the catalog that the sample names has to be asked for. */
  groupOf(sample: Sample): PointGroup | Promise<PointGroup> {
    const types = this.#types.get(sample.catalog);
    return types instanceof Promise
      ? types.then((known) => toPoints(sample, known, this.#database))
      : toPoints(sample, types, this.#database);
  }
}
