import type { FieldDeclaration, FieldType, Unit } from '@hostwire/model';

/** A level that goes up and down. */
export function gauge(type: 'int' | 'float', unit: Unit, help: string): FieldDeclaration {
  return { type, unit, kind: 'gauge', help };
}

/** An integer that only grows, but for resets. */
export function counter(unit: Unit, help: string): FieldDeclaration {
  return { type: 'int', unit, kind: 'counter', help };
}

/** A word, a code or a flag that changes seldom. */
export function state(type: FieldType, help: string): FieldDeclaration {
  return { type, unit: '1', kind: 'state', help };
}
