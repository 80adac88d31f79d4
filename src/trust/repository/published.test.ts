/** A repository read by those who keep it. */
import { expect, it } from 'vitest';
import { TestRepository } from '../../../test/support/repository.ts';
import { MAX_ROOT_STEPS } from '../limits.ts';
import { readPublished } from './published.ts';

it('SEC-22 a repository reads its own chain of roots, however long it has become', () => {
  const repository = new TestRepository().publish();
  const first = repository.fileOf('root');
  for (let step = 0; step <= MAX_ROOT_STEPS; step += 1) repository.publish('root');
  const { trusted } = readPublished(first, (name) => repository.files.get(name), []);
  expect(trusted.root.value.version).toBe(MAX_ROOT_STEPS + 2);
});
