/** Small modules, assembled byte by byte; source: the WebAssembly core specification, binary format. */
const I32 = 0x7f;

/** `work(n: i32) -> i32` counts from n down to 0 and adds up: as much work as it is asked for. */
export const WORK = wasm({
  type: [0x60, 1, I32, 1, I32],
  name: 'work',
  locals: [1, 1, I32],
  body: [0x03, 0x40, 0x20, 1, 0x20, 0, 0x6a, 0x21, 1, 0x20, 0, 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, 0x0b, 0x20, 1],
});

/** `boom()` executes `unreachable`. */
export const BOOM = wasm({ type: [0x60, 0, 0], name: 'boom', locals: [0], body: [0x00] });

function wasm({ type, name, locals, body }) {
  const section = (id, content) => [id, content.length, ...content];
  const code = [...locals, ...body, 0x0b];
  return Buffer.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, [1, ...type]),
    ...section(3, [1, 0]),
    ...section(7, [1, name.length, ...Buffer.from(name), 0x00, 0]),
    ...section(10, [1, code.length, ...code]),
  ]).toString('base64');
}
