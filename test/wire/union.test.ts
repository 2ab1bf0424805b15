// A union finds the codec by kind when writing and by number when reading, and two kinds never share a number.

import { expect, test } from "bun:test";

import { Builder } from "flatbuffers";

import { type Member, Union } from "../../src/wire/union.ts";

type Shape = { kind: "square"; side: number } | { kind: "dot" };

const square: Member<Extract<Shape, { kind: "square" }>, 1 | 2> = {
  type: 1,
  write: (_builder, { side }) => side,
  read: (place) => ({ kind: "square", side: Number(place({})) }),
};
const dot: Member<Extract<Shape, { kind: "dot" }>, 1 | 2> = {
  type: 2,
  write: () => 0,
  read: () => ({ kind: "dot" }),
};

test("each kind is written and read by its own codec", () => {
  const union = new Union<Shape, 1 | 2>({ square, dot });
  expect(union.typeOf({ kind: "dot" })).toBe(2);
  expect(union.write(new Builder(), { kind: "square", side: 9 })).toBe(9);
  expect(union.read(1, () => 7)).toEqual({ kind: "square", side: 7 });
});

test("a number without a codec is a bug, for the verifier lets none pass", () => {
  const union = new Union<Shape, 1 | 2>({ square, dot });
  expect(() => union.read(3, () => null)).toThrow("3");
});

test("two kinds with one number are refused at once", () => {
  expect(() => new Union<Shape, 1 | 2>({ square, dot: { ...dot, type: 1 } })).toThrow("1");
});
