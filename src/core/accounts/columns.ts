/**
 * Many values of a few shapes, column by column: what is the same in all of them is
 * written once, and names are written once. A third of the size, and read in a third
 * of the time.
 *
 * Values are plain data; a field whose value is undefined counts as absent.
 */

/** Values with the same fields. */
interface Table {
  /** Where each stands among all; absent when all are in this table. */
  readonly at?: readonly number[];
  readonly columns: readonly Column[];
}

type Column =
  | readonly [name: string, kind: "same", value: unknown]
  | readonly [name: string, kind: "each", values: readonly unknown[]]
  /** Whole numbers of any size, separated by commas. */
  | readonly [name: string, kind: "bigint", values: string]
  /** Lists of such, separated by semicolons. */
  | readonly [name: string, kind: "bigints", values: string];

export interface Columns {
  readonly count: number;
  readonly tables: readonly Table[];
}

type Fields = Record<string, unknown>;

/** Values of one shape: their fields' names in order, and what each field holds in each of them. */
interface Shape {
  readonly names: readonly string[];
  readonly at: number[];
  readonly fields: readonly unknown[][];
}

export function toColumns(values: readonly object[]): Columns {
  const shapes: Shape[] = [];
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as Fields;
    const { at, fields } = shapeOf(value, shapes);
    at.push(i);
    let field = 0;
    for (const name in value) if (value[name] !== undefined) fields[field++]?.push(value[name]);
  }
  const tables = shapes.map(({ names, at, fields }) => ({
    ...(shapes.length === 1 ? {} : { at }),
    columns: names.map((name, field) => column(name, fields[field] as unknown[])),
  }));
  return { count: values.length, tables };
}

function shapeOf(value: Fields, shapes: Shape[]): Shape {
  for (const shape of shapes) if (has(value, shape.names)) return shape;
  const names = Object.keys(value).filter((name) => value[name] !== undefined);
  const shape = { names, at: [], fields: names.map(() => []) };
  shapes.push(shape);
  return shape;
}

function has(value: Fields, names: readonly string[]): boolean {
  let field = 0;
  for (const name in value) if (value[name] !== undefined && names[field++] !== name) return false;
  return field === names.length;
}

export function fromColumns<T extends object>({ count, tables }: Columns): T[] {
  const values: Fields[] = new Array(count);
  for (const { at, columns } of tables) {
    // A copy of an object that has all fields already: adding them one by one makes slow and large objects.
    const template = JSON.parse(`{${columns.map(([name]) => `${JSON.stringify(name)}:0`).join(",")}}`) as Fields;
    for (const [name, kind, value] of columns) if (kind === "same") template[name] = value;
    const rows = Array.from({ length: at?.length ?? count }, () => ({ ...template }));
    for (const [name, kind, value] of columns) {
      if (kind === "same") continue;
      const each = kind === "each" ? value : listed(kind, value);
      for (const [i, row] of rows.entries()) row[name] = each[i];
    }
    for (const [i, row] of rows.entries()) values[at?.[i] ?? i] = row;
  }
  return values as T[];
}

function column(name: string, values: readonly unknown[]): Column {
  const [first] = values;
  if (typeof first !== "object" && values.every((value) => value === first)) return [name, "same", first];
  if (values.every((value) => typeof value === "bigint")) return [name, "bigint", values.join()];
  const lists = values.every((value) => Array.isArray(value) && value.every((item) => typeof item === "bigint"));
  if (lists) return [name, "bigints", values.map((list) => (list as readonly bigint[]).join()).join(";")];
  return [name, "each", values];
}

const listed = (kind: "bigint" | "bigints", text: string): readonly unknown[] =>
  kind === "bigint" ? bigints(text) : text.split(";").map((list) => (list === "" ? [] : bigints(list)));

const bigints = (text: string): bigint[] => text.split(",").map(BigInt);
