/** How the parts of a page of history are compressed: raw DEFLATE, as text in hexadecimal on its way to and from D1. */
export interface PageCodec {
  pack(text: string): Promise<string>;
  /** Throws where there is more than `maxBytes` in it, or something else. */
  unpack(hex: string, maxBytes: number): Promise<string>;
}

/** With the runtime's own streams. */
export const STREAM_CODEC: PageCodec = {
  async pack(text) {
    const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("deflate-raw"));
    return toHex(new Uint8Array(await new Response(stream).arrayBuffer()));
  },

  async unpack(hex, maxBytes) {
    const stream = new Blob([fromHex(hex)]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    let text = "";
    let bytes = 0;
    for await (const chunk of stream) {
      bytes += chunk.byteLength;
      if (bytes > maxBytes) throw new Error(`a page of history has more than ${maxBytes} bytes`);
      text += decoder.decode(chunk, { stream: true });
    }
    return text + decoder.decode();
  },
};

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

function toHex(bytes: Uint8Array): string {
  let hex = "";
  for (const byte of bytes) hex += HEX[byte];
  return hex;
}

/** Of pairs of hexadecimal digits, as SQLite's `hex()` writes them. */
function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(hex.length >> 1);
  for (let i = 0; i < bytes.length; i++)
    bytes[i] = (digit(hex.charCodeAt(2 * i)) << 4) | digit(hex.charCodeAt(2 * i + 1));
  return bytes;
}

/** The codes of 0 to 9, and of A to F in either case: their low bits are the digit, and for letters nine less than it. */
function digit(code: number): number {
  return (code & 15) + (code > 57 ? 9 : 0);
}
