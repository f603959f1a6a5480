import type { Outcome } from "../../domain/two-phase.ts";

/** Every message between coordinators and participants. */
export type Packet =
  | { type: "prepare" | "commit" | "abort"; txn: string; to: string; round: number; slots: string[] }
  | { type: "voted"; txn: string; from: string; round: number; yes: boolean }
  | { type: "done"; txn: string; from: string; round: number }
  | { type: "moved"; txn: string; from: string; round: number }
  | { type: "asked"; txn: string; from: string }
  | { type: "answered"; txn: string; to: string; outcome: Outcome };

const packets: Packet[] = [];
const numbers = new Map<string, number>();

/** The packet of a number. Equal packets have one number, as long as the process runs. */
export function packetOf(number: number): Packet {
  const packet = packets[number];
  if (packet === undefined) throw new Error(`no packet ${number}`);
  return packet;
}

export function numberOf(packet: Packet): number {
  const text = JSON.stringify(packet);
  const known = numbers.get(text);
  if (known !== undefined) return known;
  numbers.set(text, packets.push(packet) - 1);
  return packets.length - 1;
}
