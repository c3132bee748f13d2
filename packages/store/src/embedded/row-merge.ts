import type { RowReader } from './row-reader.ts';
import type { ColumnBuilder, SeriesBuilder } from './series-merge.ts';

/** Copies the cell of `reader`'s segment to `column`; the caller has asked `has`. */
export function copyCell(reader: RowReader, row: number, cell: number, column: ColumnBuilder, target: number): void {
  switch (column.type) {
    case 'string':
      column.setText(target, reader.text(row, cell));
      break;
    case 'bool':
      column.setNumber(target, reader.bool(row, cell));
      break;
    case 'int':
      if (reader.big) {
        column.setBig(target, reader.bigint(row, cell));
        break;
      }
      column.setNumber(target, reader.number(row, cell));
      break;
    case 'float':
      column.setNumber(target, reader.number(row, cell));
  }
}

/** Where the cells of a shape go: builders by row, column builders by row and column. */
export interface ShapeTargets {
  readonly builders: readonly SeriesBuilder[];
  readonly columns: readonly (readonly ColumnBuilder[])[];
}

/** Adds all that the row holds to the builders that `targets` gives for its shapes. Throws DamagedError. */
export function addRow(reader: RowReader, row: Buffer, time: number, targets: (reader: RowReader) => ShapeTargets): void {
  reader.open(row);
  while (reader.next()) {
    const { builders, columns } = targets(reader);
    for (let i = 0; i < builders.length; i++) {
      const builder = builders[i] as SeriesBuilder;
      const cells = columns[i] as readonly ColumnBuilder[];
      let target = -1;
      for (let cell = 0; cell < cells.length; cell++) {
        if (!reader.has(i, cell)) continue;
        if (target < 0) target = builder.row(time, reader.nanos);
        copyCell(reader, i, cell, cells[cell] as ColumnBuilder, target);
      }
    }
  }
}
