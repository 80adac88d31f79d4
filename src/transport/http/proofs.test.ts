import Fastify from 'fastify';
import { describe, expect, it } from 'vitest';
import { type ProofRoute, sendProof } from './proofs.ts';

const sha256 = 'ab'.repeat(32);
const proof = Buffer.from('{"proof":1}');

function app() {
  const asked: string[] = [];
  const find = async (digest: string, hardware: string | undefined) => {
    asked.push(hardware === undefined ? digest : `${digest} for ${hardware}`);
    return digest === sha256 ? proof : undefined;
  };
  const server = Fastify();
  server.get<ProofRoute>('/proofs/:sha256', (request, reply) => sendProof(request, reply, find));
  const get = (name: string, headers = {}) => server.inject({ url: `/proofs/${name}`, headers });
  return { asked, get };
}

describe('SEC-22 GET /proofs/<sha256>', () => {
  it('SEC-22 answers with the bytes of the proof as JSON', async () => {
    const { statusCode, headers, rawPayload } = await app().get(sha256);
    expect([statusCode, headers['content-type'], headers['content-length']]).toEqual([200, 'application/json', '11']);
    expect(rawPayload).toEqual(proof);
  });

  it('SEC-22 is not sent again to who has it', async () => {
    const { get } = app();
    const { etag } = (await get(sha256)).headers;
    expect(etag).toMatch(/^"[0-9a-f]{64}"$/);
    const again = await get(sha256, { 'if-none-match': etag });
    expect([again.statusCode, again.body, again.headers.etag]).toEqual([304, '', etag]);
    expect((await get(sha256, { 'if-none-match': '"other"' })).statusCode).toBe(200);
  });

  it('SEC-22 is asked for by hardware, if the query names one; other queries change nothing', async () => {
    const { asked, get } = app();
    for (const query of ['', '?hardware=gateway-1', `?hardware=${'x'.repeat(64)}`, '?other=1'])
      expect((await get(`${sha256}${query}`)).statusCode).toBe(200);
    expect(asked).toEqual([sha256, `${sha256} for gateway-1`, `${sha256} for ${'x'.repeat(64)}`, sha256]);
  });

  it.each(['', 'x'.repeat(65), 'a/b', 'a b', 'a%20b', 'a%00', 'a%0a', '%c3%a4', 'a&hardware=b', 'a&hardware=a'])(
    'SEC-11 a hardware id that is none is not looked for, and the answer says so: %s',
    async (id) => {
      const { asked, get } = app();
      const { statusCode, headers, body } = await get(`${sha256}?hardware=${id}`);
      expect([statusCode, headers['content-type'], asked]).toEqual([400, 'text/plain; charset=utf-8', []]);
      expect(body).toMatch(/^hardware is one id of at most 64/);
    },
  );

  it('SEC-22 says as text that there is none', async () => {
    const { statusCode, headers, body } = await app().get('cd'.repeat(32));
    expect([statusCode, headers['content-type']]).toEqual([404, 'text/plain; charset=utf-8']);
    expect(body).toMatch(/^no release proof/);
  });

  it.each(['AB'.repeat(32), 'ab'.repeat(31), `${sha256}0`, 'ab'.repeat(48), '%2e%2e%2fadmin.token', `${sha256}%0a`])(
    'SEC-11 what is no digest is not even looked for: %s',
    async (name) => {
      const { asked, get } = app();
      expect([(await get(name)).statusCode, asked]).toEqual([404, []]);
    },
  );
});
