// Spoils a valid frame, mostly where it hurts: distances, lengths, vtables, types; and sometimes anywhere.

import type { FramePlace, PlaceRole } from "./frame-map.ts";
import type { Seeded } from "./seeded.ts";

export interface Sample {
  name: string;
  /** One valid buffer without its length. */
  frame: Uint8Array;
  places: readonly FramePlace[];
}

/** Changes `frame`, a copy of the sample's; returns how much of it to keep. */
export function spoil(frame: Uint8Array, sample: Sample, random: Seeded): number {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const times = 1 + random.below(4);
  for (let time = 0; time < times; time += 1) {
    if (random.chance(0.3)) frame[random.below(frame.length)] = byteOf(random);
    else spoilPlace(view, sample, random);
  }
  return random.chance(0.1) ? random.below(frame.length + 1) : frame.length;
}

/** Never the byte that fills the memory around the frame. */
function byteOf(random: Seeded): number {
  const byte = random.chance(0.5) ? random.below(16) : random.below(256);
  return byte === 0x53 ? 0xff : byte;
}

function spoilPlace(view: DataView, { places }: Sample, random: Seeded): void {
  const place = random.pick(places);
  const other = sameRole(places, place.role, random);
  if (place.role === "offset" && random.chance(0.4)) return alias(view, place, other);
  if (place.role === "vtable-offset" && random.chance(0.4)) return shareTable(view, place, other);
  const value = random.chance(0.2) ? get(view, other) : hostileValue(view, place, random);
  set(view, place, value);
}

/** Another place of the same role: the first that follows a random one. */
function sameRole(places: readonly FramePlace[], role: PlaceRole, random: Seeded): FramePlace {
  const start = random.below(places.length);
  for (let step = 0; step < places.length; step += 1) {
    const place = places[(start + step) % places.length];
    if (place?.role === role) return place;
  }
  throw new Error(`No ${role} in the frame`);
}

/** Two references to one target. */
function alias(view: DataView, place: FramePlace, other: FramePlace): void {
  set(view, place, other.at + get(view, other) - place.at);
}

/** Two tables with one vtable, which was made for the other. */
function shareTable(view: DataView, place: FramePlace, other: FramePlace): void {
  const vtable = other.at - get(view, other);
  set(view, place, place.at - vtable);
}

function hostileValue(view: DataView, place: FramePlace, random: Seeded): number {
  const old = get(view, place);
  const left = view.byteLength - place.at;
  const values = [0, 1, 2, 4, 8, old + 1, old - 1, old + 4, old - 4, left, left - 4, left - 5];
  const extremes = [0xff, 0xfffe, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_fffc, 0xffff_ffff];
  return random.pick(random.chance(0.7) ? values : [...extremes, random.uint32()]);
}

function get(view: DataView, { at, bytes }: FramePlace): number {
  if (bytes === 1) return view.getUint8(at);
  return bytes === 2 ? view.getUint16(at, true) : view.getUint32(at, true);
}

function set(view: DataView, { at, bytes }: FramePlace, value: number): void {
  if (bytes === 1) view.setUint8(at, value);
  else if (bytes === 2) view.setUint16(at, value, true);
  else view.setUint32(at, value, true);
}
