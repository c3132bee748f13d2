import type { Tags } from '@hostwire/model';
import type { Budget } from './budget.ts';
import type { SelectPlan } from './select-plan.ts';
import type { Value } from './values.ts';

/** Rows of one series of an answer, columns of equal length. */
export interface Rows {
  /** ms */
  readonly times: number[];
  readonly nanos: number[];
  readonly values: Value[][];
}

export interface SeriesRows extends Rows {
  readonly name: string;
  readonly tags: Tags | null;
}

/** Computes the outputs of rows and applies OFFSET and LIMIT. */
export class RowWriter {
  readonly rows: Rows = { times: [], nanos: [], values: [] };
  private readonly plan: SelectPlan;
  private readonly budget: Budget | null;
  private skip: number;

  /** `budget`: null if what the rows hold is counted already. */
  constructor(plan: SelectPlan, budget: Budget | null) {
    this.plan = plan;
    this.budget = budget;
    this.skip = plan.offset;
  }

  /** False when no further row is wanted. */
  add(ms: number, nanos: number, row: readonly Value[]): boolean {
    const { rows, plan } = this;
    if (this.skip > 0) {
      this.skip--;
      return true;
    }
    this.budget?.spend(plan.outputs.length);
    rows.times.push(ms);
    rows.nanos.push(nanos);
    rows.values.push(plan.outputs.map((output) => output.evaluate(row)));
    return plan.limit === 0 || rows.times.length < plan.limit;
  }
}
