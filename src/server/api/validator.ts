/** Holds requests against their schemas, so that an error names what is wrong and nothing else. */
import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import { type TSchema, Type } from 'typebox';

type Route = Parameters<typeof TypeBoxValidatorCompiler>[0];
type Validator = ReturnType<typeof TypeBoxValidatorCompiler>;

/**
 * A body of several kinds is held against the schema of its own kind. Against the union, as OpenAPI shows it, every other kind
 * would add what it misses.
 */
export function compileValidator(route: Route): Validator {
  const kinds = route.httpPart === 'body' ? kindsOf(route.schema) : [];
  if (kinds.length === 0) return TypeBoxValidatorCompiler(route);
  const validators = new Map(kinds.map(([kind, schema]) => [kind, TypeBoxValidatorCompiler({ ...route, schema })]));
  const unknown = `must be one of ${[...validators.keys()].join(', ')}`;
  return (body: unknown) => {
    if (typeof body !== 'object' || body === null || Array.isArray(body)) return refusal('', 'must be an object');
    const validate = validators.get('kind' in body ? body.kind : undefined);
    return validate ? validate(body) : refusal('/kind', unknown);
  };
}

/** The members of a union by their `kind`, if each has one. */
function kindsOf(schema: TSchema): readonly (readonly [unknown, TSchema])[] {
  if (!Type.IsUnion(schema)) return [];
  const kinds = schema.anyOf.flatMap((one) => {
    const kind = Type.IsObject(one) ? one.properties.kind : undefined;
    return Type.IsLiteral(kind) ? [[kind.const, one] as const] : [];
  });
  return kinds.length === schema.anyOf.length ? kinds : [];
}

function refusal(instancePath: string, message: string): ReturnType<Validator> {
  return { error: [{ instancePath, message, keyword: 'kind', schemaPath: '#', params: {} }] };
}
