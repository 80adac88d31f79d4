/** Typed SQL, compiled once: Kysely builds the text, placeholders are filled in per call. */

import type { SQLInputValue } from 'node:sqlite';
import {
  type Compilable,
  DummyDriver,
  Kysely,
  type RawBuilder,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  sql,
} from 'kysely';
import type { Statements } from './connection.ts';
import type { Tables } from './schema.ts';

/** Builds and types SQL; it has no connection and executes nothing. */
const builder = new Kysely<Tables>({
  dialect: {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  },
});

class Placeholder {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

export type Values = Readonly<Record<string, SQLInputValue>>;
type Slot = <T = string>(name: string) => RawBuilder<T>;

/** A statement with named slots. */
export interface Query<Row> {
  all(on: Statements, values: Values): Row[];
  first(on: Statements, values: Values): Row | undefined;
  /** @returns rows changed */
  run(on: Statements, values: Values): number;
}

/** @param build gets the builder and `slot(name)`, which stands for the value given under that name */
export function query<Row>(build: (db: Kysely<Tables>, slot: Slot) => Compilable<Row>): Query<Row> {
  const { sql: text, parameters } = build(builder, (name) => sql`${new Placeholder(name)}`).compile();
  const fill = (values: Values) => parameters.map((parameter) => filled(parameter, values));
  const all = (on: Statements, values: Values) => on.all(text, fill(values)) as Row[];
  return { all, first: (on, values) => all(on, values)[0], run: (on, values) => on.run(text, fill(values)) };
}

function filled(parameter: unknown, values: Values): SQLInputValue {
  if (!(parameter instanceof Placeholder)) return parameter as SQLInputValue;
  const value = values[parameter.name];
  if (value === undefined) throw new Error(`no value for ${parameter.name}`);
  return value;
}
