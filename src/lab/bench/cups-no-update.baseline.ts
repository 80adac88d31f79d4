/** The unavoidable part of an unchanged CUPS poll: Fastify behind mutual TLS, the body parsed, 14 bytes back. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Fastify from 'fastify';

const dir = process.argv[2] ?? '';
const read = (name: string) => readFileSync(join(dir, name));
const app = Fastify({
  https: {
    ...{ cert: read('server.crt'), key: read('server.key'), ca: read('ca.crt') },
    ...{ requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.2' },
  },
});
const nothing = Buffer.alloc(14);
app.post('/update-info', (_request, reply) => {
  reply.header('content-type', 'application/octet-stream').send(nothing);
});
const address = await app.listen({ host: '127.0.0.1', port: 0 });
process.stdout.write(`${JSON.stringify({ url: address.replace('127.0.0.1', 'localhost') })}\n`);
process.once('SIGTERM', () => void app.close());
