/** `add(i32, i32) -> i32`: the smallest call there is, so that what is measured is everything around it. */
export const ADD = Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  ...[0x01, 0x07, 0x01, 0x60, 0x02, 0x7f, 0x7f, 0x01, 0x7f],
  ...[0x03, 0x02, 0x01, 0x00],
  ...[0x07, 0x07, 0x01, 0x03, 0x61, 0x64, 0x64, 0x00, 0x00],
  ...[0x0a, 0x09, 0x01, 0x07, 0x00, 0x20, 0x00, 0x20, 0x01, 0x6a, 0x0b],
);

export const CALL = { module: 'adder', export: 'add', args: [40, 2] };

export async function putSample(url) {
  const answer = await fetch(`${url}/v1/operations/compute.put`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify({ name: CALL.module, wasm: Buffer.from(ADD).toString('base64') }),
  });
  if (!answer.ok) throw new Error(`compute.put answered ${answer.status}: ${await answer.text()}`);
}
