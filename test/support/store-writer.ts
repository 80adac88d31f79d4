/** Creates devices for ever and prints the id of each one that was acknowledged: a process to be killed by a test. */
import { openSqliteStore } from '../../src/adapters/sqlite/store.ts';

const [path = '', round = ''] = process.argv.slice(2);
const store = await openSqliteStore({ path });
const frame = { tenant: 't', protocol: 'cups', hardware: 'hw', groups: [], createdAtMs: 1 };
for (let number = 0; ; number += 1) {
  const ids = Array.from({ length: 5 }, (_, index) => `${round}-${number}-${index}`);
  await Promise.all(ids.map((id) => store.createDevice({ ...frame, id, identity: id })));
  process.stdout.write(ids.map((id) => `${id}\n`).join(''));
}
