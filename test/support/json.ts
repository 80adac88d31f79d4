/** Arbitrary JSON values, as `parseJson` yields them. */
import fc from 'fast-check';
import type { JsonObject, JsonValue } from '../../src/core/json.ts';

const { value, object } = fc.letrec<{ value: JsonValue; object: JsonObject }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger().map((number) => (number === 0 ? 0 : number)),
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom('"', '\\', '\n', '\u0001', 'a', '\u00e9', '\u{1f600}') }),
    fc.array(tie('value'), { maxLength: 4 }),
    tie('object'),
  ),
  object: fc
    .uniqueArray(
      fc.tuple(
        fc.oneof(
          fc.constantFrom('__proto__', 'constructor', 'toString', 'signed'),
          fc.string(),
          fc.string({ unit: 'binary', maxLength: 3 }),
        ),
        tie('value'),
      ),
      { maxLength: 4, selector: ([name]) => name },
    )
    .map((members) => new Map(members)),
}));

/** Any value: names in any order, control characters, characters beyond the basic plane. */
export const anyJson: fc.Arbitrary<JsonValue> = value;
export const anyJsonObject: fc.Arbitrary<JsonObject> = object;
