// A union of the schema as one table: the kind of a plain value, its number on the wire, its generated class, its codec.

import type { Builder } from "flatbuffers";

import { assert } from "../base/assert.ts";
import type { BodyCodec } from "./codec.ts";

/** Reads the union's value into an empty table of the class that belongs to its number. */
export type Place = (table: object) => unknown;

/** One member, its generated class hidden, so that all members fit into one table. */
export interface Member<Value, Type extends number> {
  readonly type: Type;
  write(builder: Builder, value: Value): number;
  read(place: Place): Value;
}

/** Exhaustive: a kind without its line does not compile. */
export type Members<Value extends { kind: string }, Type extends number> = {
  readonly [Kind in Value["kind"]]: Member<Extract<Value, { kind: Kind }>, Type>;
};

export function member<Value, Table extends object, Type extends number>(
  type: Type,
  Class: new () => Table,
  codec: BodyCodec<Value, Table>,
): Member<Value, Type> {
  return {
    type,
    write: (builder, value) => codec.write(builder, value),
    read(place) {
      const table = new Class();
      place(table);
      return codec.read(table);
    },
  };
}

export class Union<Value extends { kind: string }, Type extends number> {
  readonly #byKind: Members<Value, Type>;
  readonly #byType: (Member<Value, Type> | undefined)[] = [];

  constructor(members: Members<Value, Type>) {
    this.#byKind = members;
    for (const each of Object.values<Member<Value, Type>>(members)) {
      assert(!this.#byType[each.type], `Two kinds have the number ${each.type}`);
      this.#byType[each.type] = each;
    }
  }

  typeOf(value: Value): Type {
    return this.#memberOf(value).type;
  }

  write(builder: Builder, value: Value): number {
    return this.#memberOf(value).write(builder, value);
  }

  /** @param type of a member that the verifier let pass */
  read(type: number, place: Place): Value {
    const found = this.#byType[type];
    assert(found, `The schema has a member ${type} that no codec belongs to`);
    return found.read(place);
  }

  #memberOf(value: Value): Member<Value, Type> {
    return this.#byKind[value.kind as Value["kind"]];
  }
}
