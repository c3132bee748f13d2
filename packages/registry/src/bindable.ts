import { RegistryError } from './registry.ts';

/**
 * What both databases take as a parameter. libsql 0.5.29 aborts the whole process when it is to bind what it does not
 * know, and cuts text at NUL when it reads; PostgreSQL refuses NUL in text. Throws RegistryError `invalid`; booleans
 * become 0 and 1.
 */
export function bindable(parameters: readonly unknown[]): unknown[] {
  return parameters.map((value) => {
    if (typeof value === 'boolean') return value ? 1 : 0;
    if (value === null || typeof value === 'number' || typeof value === 'bigint') return value;
    if (typeof value === 'string') {
      if (value.includes('\0')) throw new RegistryError('invalid', 'a text holds a NUL character, which cannot be stored');
      return value;
    }
    throw new RegistryError('invalid', `a ${typeof value} cannot be stored`);
  });
}
