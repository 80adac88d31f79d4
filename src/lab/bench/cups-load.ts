/**
 * Load for CUPS: one kept-alive mutual TLS connection per router, each asking again as soon as it is answered.
 *
 * Arguments: URI, folder with the routers' files. Answers rounds (rounds.ts).
 */
import { readdirSync, readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { NO_UPDATE } from '../../protocols/cups/codec.ts';
import { answerRounds, type RoundResult } from './rounds.ts';

const [uri = '', dir = ''] = process.argv.slice(2);
const MAX_WRONG = 5;

const routers = readdirSync(dir).map((eui) => {
  const read = (name: string) => readFileSync(join(dir, eui, name));
  const agent = new Agent({
    keepAlive: true,
    maxSockets: 1,
    ca: read('cups.trust'),
    cert: read('cups.crt'),
    key: read('cups.key'),
  });
  return { agent, body: read('request.json') };
});

function ask({ agent, body }: (typeof routers)[number]): Promise<string | undefined> {
  return new Promise((resolve) => {
    const headers = { 'content-type': 'application/json', 'content-length': body.length };
    const outgoing = request(new URL('/update-info', uri), { method: 'POST', agent, headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => {
        const isRight = answer.statusCode === 200 && Buffer.concat(chunks).equals(NO_UPDATE);
        resolve(
          isRight ? undefined : `status ${answer.statusCode}, ${Buffer.concat(chunks).toString('latin1').slice(0, 80)}`,
        );
      });
    });
    outgoing.on('error', (error) => resolve(String(error)));
    outgoing.end(body);
  });
}

async function run(durationMs: number): Promise<RoundResult> {
  const until = performance.now() + durationMs;
  const wrong: string[] = [];
  let operations = 0;
  await Promise.all(
    routers.map(async (router) => {
      while (performance.now() < until && wrong.length < MAX_WRONG) {
        const problem = await ask(router);
        if (problem === undefined) operations += 1;
        else wrong.push(problem);
      }
    }),
  );
  return { operations, wrong };
}

await answerRounds(run);
